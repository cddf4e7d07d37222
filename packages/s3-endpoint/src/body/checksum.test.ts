import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { algorithmNames, algorithms, findAlgorithm, isChecksumValue } from './checksum.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { combineChecksums, combineEtags } from './combine.ts'

async function digest(algorithm: ChecksumAlgorithm, bytes: Uint8Array): Promise<string> {
  const digester = algorithms[algorithm].create()
  digester.update(bytes.subarray(0, bytes.length >> 1))
  digester.update(bytes.subarray(bytes.length >> 1))
  return (await digester.digest()).toString('base64')
}

test.each([
  // The check values of https://reveng.sourceforge.io/crc-catalogue/all.htm.
  ['CRC32', 'cbf43926'],
  ['CRC32C', 'e3069283'],
  ['CRC64NVME', 'ae8b14860a799888'],
  // https://github.com/Cyan4973/xxHash, of the same nine digits.
  ['XXHASH64', '8cb841db40e6ae83'],
] as const)('%s of 123456789 is %s', async (algorithm, hex) => {
  expect(Buffer.from(await digest(algorithm, Buffer.from('123456789')), 'base64').toString('hex')).toBe(hex)
})

test('every checksum has the size that its header is checked for', async () => {
  for (const algorithm of algorithmNames) {
    const value = await digest(algorithm, Buffer.from('abc'))
    expect([algorithm, isChecksumValue(algorithm, value)]).toEqual([algorithm, true])
    expect(isChecksumValue(algorithm, `${value}A`)).toBe(false)
    expect(isChecksumValue(algorithm, value.slice(1))).toBe(false)
  }
})

test('algorithms are found in any case, and only those there are', () => {
  expect(findAlgorithm('crc64nvme')).toBe('CRC64NVME')
  expect(findAlgorithm('constructor')).toBeUndefined()
})

const parts = [5_000_000, 1, 0, 123_457, 0, 65_536].map((size, i) => Buffer.alloc(size, `part ${i}`))

test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)(
  "%s of a whole object follows from its parts', empty ones too",
  async (algorithm) => {
    const checksums = await Promise.all(
      parts.map(async (part) => ({ value: await digest(algorithm, part), sizeBytes: part.length })),
    )
    expect(await combineChecksums(algorithm, 'FULL_OBJECT', checksums)).toEqual({
      algorithm,
      type: 'FULL_OBJECT',
      value: await digest(algorithm, Buffer.concat(parts)),
    })
  },
)

test('a composite checksum is one over the checksums of the parts', async () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
  const checksums = parts.map((part) => ({ value: sha256(part).toString('base64'), sizeBytes: part.length }))
  expect(await combineChecksums('SHA256', 'COMPOSITE', checksums)).toMatchObject({
    value: `${sha256(Buffer.concat(parts.map(sha256))).toString('base64')}-6`,
  })
})

test('a multipart ETag is the MD5 over the MD5s of the parts', () => {
  const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest()
  const etags = parts.map((part) => md5(part).toString('hex'))
  expect(combineEtags(etags)).toBe(`${md5(Buffer.concat(parts.map(md5))).toString('hex')}-6`)
})
