import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { AppError } from '@baton/contracts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bundleLimits } from './limits.ts'
import { checkBundle, unpackBundle } from './unpack.ts'

/** One entry of a zip, each field free to lie. */
interface Piece {
  name: string | Buffer
  data?: Buffer | string
  method?: number
  flags?: number
  /** Unix mode; its upper bits say what kind of file it is. */
  mode?: number
  declaredSize?: number
  crc?: number
  localName?: string
  /** Points the central directory at another entry's local header. */
  offsetOf?: number
}

/** Writes a zip byte by byte, as a hostile hand would (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16). */
function aZip(...pieces: Piece[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const piece of pieces) {
    const name = Buffer.from(piece.name)
    const raw = Buffer.from(piece.data ?? '')
    const method = piece.method ?? 8
    const packed = method === 8 ? deflateRawSync(raw) : raw
    const fields = Buffer.alloc(22)
    fields.writeUInt16LE(piece.flags ?? 0x800, 0)
    fields.writeUInt16LE(method, 2)
    fields.writeUInt32LE(piece.crc ?? crc32(raw), 8)
    fields.writeUInt32LE(packed.length, 12)
    fields.writeUInt32LE(piece.declaredSize ?? raw.length, 16)

    const localName = Buffer.from(piece.localName ?? name)
    fields.writeUInt16LE(localName.length, 20)
    const local = Buffer.concat([Buffer.from('PK\x03\x04\x14\0', 'latin1'), fields, Buffer.alloc(2), localName, packed])
    offsets.push(piece.offsetOf === undefined ? at : offsets[piece.offsetOf]!)
    if (piece.offsetOf === undefined) {
      locals.push(local)
      at += local.length
    }
    fields.writeUInt16LE(name.length, 20)
    const tail = Buffer.alloc(16)
    tail.writeUInt32LE(((piece.mode ?? 0o100644) << 16) >>> 0, 8)
    tail.writeUInt32LE(offsets.at(-1)!, 12)
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x3f\x03\x14\0', 'latin1'), fields, tail, name]))
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(pieces.length, 8)
  end.writeUInt16LE(pieces.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directory, end])
}

const index: Piece = { name: 'index.js', data: 'export const model = 1\n' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-bundle-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a sound archive is listed, and unpacked byte for byte', async () => {
  const zip = aZip(index, { name: 'lib/', method: 0, mode: 0o040755 }, { name: 'lib/é.js', data: 'two', method: 0 })
  const entries = [
    { name: 'index.js', sizeBytes: 23 },
    { name: 'lib/é.js', sizeBytes: 3 },
  ]
  expect(await checkBundle(zip)).toEqual(entries)
  expect(await unpackBundle(zip, join(folder, 'deep', 'code'))).toEqual(entries)
  expect(await readFile(join(folder, 'deep', 'code', 'index.js'), 'utf8')).toBe('export const model = 1\n')
  expect(await readFile(join(folder, 'deep', 'code', 'lib', 'é.js'), 'utf8')).toBe('two')
})

const named = (name: string | Buffer): [Piece] => [{ name, data: 'x' }]
const zeros = Buffer.alloc(2 * 2 ** 20)
/** Deflate makes little of it, so that its size alone is at fault. */
const noise = Buffer.from(Array.from({ length: 2 ** 20 }, (_, i) => Math.imul(i, i * 2654435761) >>> 24))
const cases: [what: string, pieces: Piece[], pointer: string, detail: RegExp][] = [
  ['climbs out of the folder', named('../evil.js'), '../evil.js', /leads out/],
  ['climbs out from within', named('lib/../../evil.js'), 'lib/../../evil.js', /leads out/],
  ['is absolute', named('/etc/passwd'), '/etc/passwd', /absolute/],
  ['names a drive', named('C:/evil.js'), 'C:/evil.js', /absolute/],
  ['separates by backslashes', named('..\\evil.js'), '..\\evil.js', /backslash/],
  ['holds a NUL', named('index.js\0.png'), 'index.js\0.png', /NUL/],
  ['holds a line break', named('a\nb.js'), 'a\nb.js', /control character/],
  ['has an empty name', named(''), '', /empty/],
  ['has an empty part', named('lib//a.js'), 'lib//a.js', /empty or "\."/],
  ['is not UTF-8', named(Buffer.from([0x61, 0xff])), 'a\ufffd', /not UTF-8/],
  [
    'is longer than the limit',
    named(`${'a'.repeat(bundleLimits.nameBytes)}b`),
    `${'a'.repeat(200)}b`,
    /longer than 200/,
  ],
  ['is a Windows device', named('lib/nul.js'), 'lib/nul.js', /Windows device/],
  ['ends in a dot', named('lib./a.js'), 'lib./a.js', /dot or space/],
  ['hides a stream behind a colon', named('a.js:b'), 'a.js:b', /Windows forbids/],
  ['is a symbolic link', [{ name: 'link', data: '/etc', mode: 0o120777 }], 'link', /symbolic link/],
  ['is a device', [{ name: 'tty', mode: 0o020666 }], 'tty', /neither a file nor a folder/],
  ['is a folder in a file name', [{ name: 'lib', mode: 0o040755 }], 'lib', /neither a file nor a folder/],
  ['is a folder with bytes', [{ name: 'lib/', data: 'x', mode: 0 }], 'lib', /cannot hold bytes/],
  ['stands there twice', [index], 'index.js', /overwrite "index.js"/],
  ['differs by case only', named('Index.JS'), 'Index.JS', /overwrite "index.js"/],
  [
    'differs by the form of an accent only',
    [...named('é.js'), ...named('e\u0301.js')],
    'e\u0301.js',
    /overwrite "é.js"/,
  ],
  ['needs a folder where a file is', named('INDEX.js/a.js'), 'INDEX.js/a.js', /is a file and cannot hold it/],
  ['is encrypted', [{ name: 'secret.js', data: 'x', flags: 0x801 }], 'secret.js', /encrypted/],
  ['is packed by an unknown method', [{ name: 'a.js', data: 'x', method: 14 }], 'a.js', /method 14/],
  ['is a bomb by its ratio', [{ name: 'zeros', data: zeros }], 'zeros', /100 times its packed size/],
  [
    'is a bomb that declares little',
    [{ name: 'zeros', data: zeros, declaredSize: 100 }],
    'zeros',
    /more than the 100 bytes/,
  ],
  ['declares too much', [{ name: 'a.js', data: 'abc', declaredSize: 4 }], 'a.js', /3 bytes but declares 4/],
  [
    'is stored in another size than declared',
    [{ name: 'a', data: 'abc', method: 0, declaredSize: 2 }],
    'a',
    /declares 2/,
  ],
  ['is larger than one file may be', [{ name: 'a', data: noise, declaredSize: 2 ** 25 + 1 }], 'a', /at most 33554432/],
  ['has a wrong checksum', [{ name: 'a.js', data: 'abc', crc: 1 }], 'a.js', /checksum/],
  ['is not deflated although it says so', [{ name: 'a.js', data: 'abc', method: 0, flags: 0x800 }], 'a.js', /unpacked/],
  ['has two names', [{ name: 'a.js', data: 'abc', localName: 'b.js' }], 'a.js', /two headers disagree/],
  [
    'shares its bytes with another',
    [{ ...index, name: 'again.js', localName: 'index.js', offsetOf: 0 }],
    'again.js',
    /disagree/,
  ],
]

test.each(cases)(
  'an entry that %s is refused by name, and nothing is written',
  async (what, pieces, pointer, detail) => {
    const zip = aZip(index, ...pieces)
    if (what.startsWith('is not deflated')) liesAboutMethod(zip, pointer)
    const refused = { code: 'bundle-invalid', faults: [{ pointer, detail: expect.stringMatching(detail) as string }] }
    await expect(checkBundle(zip)).rejects.toMatchObject(refused)
    await expect(unpackBundle(zip, join(folder, 'code'))).rejects.toMatchObject(refused)
    expect(await readdir(folder)).toEqual([])
  },
)

/** Turns an entry's method into deflate in both of its headers, leaving its bytes as they are. */
function liesAboutMethod(zip: Buffer, name: string): void {
  const local = zip.indexOf(name) - 30
  const central = zip.lastIndexOf(name) - 46
  zip.writeUInt16LE(8, local + 8)
  zip.writeUInt16LE(8, central + 10)
}

test('entries whose bytes overlap are refused', async () => {
  const inner = aZip({ name: 'inner.js', data: 'x' })
  const zip = aZip(index, { name: 'outer.js', data: inner, method: 0 }, { name: 'inner.js', data: 'x', offsetOf: 0 })
  const innerStart = zip.indexOf(inner)
  zip.writeUInt32LE(innerStart, zip.lastIndexOf('inner.js') - 4)
  await expect(checkBundle(zip)).rejects.toMatchObject({
    faults: [{ pointer: 'inner.js', detail: 'its bytes overlap those of "outer.js"' }],
  })
})

test('an archive cut anywhere is refused', async () => {
  const zip = aZip(index, { name: 'lib/a.js', data: 'x'.repeat(100) })
  for (let length = 0; length < zip.length; length++)
    await expect(checkBundle(zip.subarray(0, length))).rejects.toSatisfy(isRefusal)
})

test('whatever byte is changed, reading ends in the same files or in a refusal', async () => {
  const zip = aZip(index, { name: 'lib/a.js', data: 'abc', method: 0 })
  for (let i = 0; i < zip.length; i++) {
    const changed = Buffer.from(zip)
    changed[i]! ^= 0xff
    const outcome = await checkBundle(changed).catch((error: unknown) => error)
    if (Array.isArray(outcome)) expect(outcome).toEqual(await checkBundle(zip))
    else expect(outcome).toSatisfy(isRefusal)
  }
})

const isRefusal = (error: unknown) => error instanceof AppError && error.code === 'bundle-invalid'

test('more entries than allowed are refused before they are read', async () => {
  const many = Array.from({ length: bundleLimits.entries }, (_, i) => ({ name: `${i}.js` }))
  await expect(checkBundle(aZip(index, ...many))).rejects.toMatchObject({ detail: 'it has 2001 entries; at most 2000' })
})

test('files that are each small enough but not together are refused', async () => {
  const third = { data: 'x', declaredSize: bundleLimits.ratioFreeBytes }
  const many = Array.from({ length: 64 }, (_, i) => ({ name: `${i}.bin`, ...third }))
  await expect(checkBundle(aZip(index, ...many))).rejects.toMatchObject({
    faults: [{ pointer: '', detail: expect.stringMatching(/in all; at most 67108864/) as string }],
  })
})

test('an archive larger than allowed is refused unread', async () => {
  const large = new Uint8Array(bundleLimits.archiveBytes + 1)
  await expect(checkBundle(large)).rejects.toMatchObject({ detail: 'the archive is larger than 67108864 bytes' })
})

test('every bad entry is listed at once', async () => {
  const zip = aZip(index, { name: '../a' }, { name: 'b', mode: 0o120777 }, { name: 'c', method: 99 })
  const error = (await checkBundle(zip).catch((e: unknown) => e)) as AppError
  expect(error.faults.map((fault) => fault.pointer)).toEqual(['../a', 'b', 'c'])
})

test('an archive without an index at its top is refused', async () => {
  const zip = aZip({ name: 'lib/index.js', data: 'x' }, { name: 'index.mjs/', mode: 0o040755, method: 0 })
  await expect(checkBundle(zip)).rejects.toMatchObject({
    detail: 'there is no index.js or index.mjs at its top; add one',
  })
})

test('a target that holds something is left alone; an empty one is used', async () => {
  const target = join(folder, 'code')
  await mkdir(target)
  await unpackBundle(aZip(index), target)
  await writeFile(join(target, 'mine.txt'), 'kept')
  await expect(unpackBundle(aZip(index), target)).rejects.toMatchObject({ code: 'already-exists' })
  await expect(unpackBundle(aZip(index), join(target, 'mine.txt'))).rejects.toMatchObject({ code: 'already-exists' })
  expect(await readdir(folder)).toEqual(['code'])
  expect((await readdir(target)).sort()).toEqual(['index.js', 'mine.txt'])
})
