import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import type { Fault } from '@baton/contracts'
import yauzl from 'yauzl'
import { invalidBundle } from './fault.ts'
import { bundleLimits as limits } from './limits.ts'
import { collisionFaults, nameFault } from './name-check.ts'

/** A file in a bundle: its path from the top, separated by `/`, and its unpacked size. */
export interface BundleEntry {
  readonly name: string
  readonly sizeBytes: number
}

export interface BundleFile extends BundleEntry {
  readonly bytes: Buffer
}

/** An entry of the central directory, with a name that can be shown. */
interface Listed {
  readonly name: string
  readonly isFolder: boolean
  readonly entry: yauzl.Entry
}

interface Placed extends Listed {
  readonly start: number
  readonly dataStart: number
  readonly end: number
}

/**
 * The files of a zip from an unknown hand, in memory, once nothing about it is suspicious.
 *
 * Three passes, each only after the one before found nothing: what the central directory claims, where the bytes
 * stand, what they inflate to. Sizes are bounded before anything is allocated for them, and inflation stops at the
 * declared size, so no archive costs more memory than `bundleLimits` allow.
 *
 * @throws {AppError} `bundle-invalid`, a fault for every bad entry
 */
export async function openBundle(bytes: Uint8Array): Promise<BundleFile[]> {
  if (bytes.byteLength > limits.archiveBytes)
    throw invalidBundle([{ pointer: '', detail: `the archive is larger than ${limits.archiveBytes} bytes` }])
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const zip = await yauzl
    .fromBufferPromise(archive, { decodeStrings: false, validateEntrySizes: false })
    .catch((error: unknown) => refuseArchive(error))
  const listed = await list(zip)
  refuseAny(listed.flatMap(entryFaults))
  refuseAny([...collisionFaults(listed), ...archiveFaults(listed)])
  const placed = await place(zip, listed)
  refuseAny(overlapFaults(placed))
  return inflateAll(archive, placed)
}

function refuseArchive(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  throw invalidBundle([{ pointer: '', detail: `this is not a whole zip archive: ${reason}` }], error)
}

function refuseAny(faults: readonly Fault[]): void {
  if (faults.length > 0) throw invalidBundle(faults)
}

async function list(zip: yauzl.ZipFile): Promise<Listed[]> {
  if (zip.entryCount > limits.entries)
    throw invalidBundle([{ pointer: '', detail: `it has ${zip.entryCount} entries; at most ${limits.entries}` }])
  const listed: Listed[] = []
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileNameRaw.toString('utf8')
      listed.push({ name: name.replace(/\/$/, ''), isFolder: name.endsWith('/'), entry })
    }
  } catch (error) {
    refuseArchive(error)
  }
  return listed
}

/** Unix file types, in the upper half of an entry's external attributes. */
const typeMask = 0o170000
const [regularType, folderType, linkType] = [0o100000, 0o040000, 0o120000]

function entryFaults(listed: Listed): Fault[] {
  return [nameFault(listed.name), ...attributeFaults(listed), ...sizeFaults(listed)]
    .filter((detail) => detail !== undefined)
    .map((detail) => ({ pointer: listed.name, detail }))
}

function attributeFaults({ name, isFolder, entry }: Listed): (string | undefined)[] {
  const type = (entry.externalFileAttributes >>> 16) & typeMask
  return [
    Buffer.from(name + (isFolder ? '/' : '')).equals(entry.fileNameRaw) ? undefined : 'the name is not UTF-8',
    entry.isEncrypted() ? 'it is encrypted; pack it without a password' : undefined,
    entry.compressionMethod === 0 || entry.compressionMethod === 8
      ? undefined
      : `compression method ${entry.compressionMethod} is not supported; use deflate or none`,
    type === linkType ? 'it is a symbolic link; pack the file itself' : undefined,
    type === 0 || type === linkType || type === (isFolder ? folderType : regularType)
      ? undefined
      : 'it is neither a file nor a folder',
  ]
}

function sizeFaults({ isFolder, entry }: Listed): (string | undefined)[] {
  const { compressedSize: packed, uncompressedSize: unpacked } = entry
  const isBomb = unpacked > limits.ratioFreeBytes && unpacked > limits.ratio * packed
  return [
    isFolder && unpacked > 0 ? 'a folder cannot hold bytes' : undefined,
    unpacked > limits.entryBytes ? `it unpacks to ${unpacked} bytes; at most ${limits.entryBytes}` : undefined,
    isBomb ? `it unpacks to more than ${limits.ratio} times its packed size` : undefined,
    entry.compressionMethod === 0 && packed !== unpacked
      ? `it is stored in ${packed} bytes but declares ${unpacked}`
      : undefined,
  ]
}

function archiveFaults(listed: readonly Listed[]): Fault[] {
  const total = listed.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0)
  const hasIndex = listed.some(({ name, isFolder }) => !isFolder && (name === 'index.js' || name === 'index.mjs'))
  return [
    ...(total > limits.totalBytes
      ? [{ pointer: '', detail: `it unpacks to ${total} bytes in all; at most ${limits.totalBytes}` }]
      : []),
    ...(hasIndex ? [] : [{ pointer: '', detail: 'there is no index.js or index.mjs at its top; add one' }]),
  ]
}

/** Finds each entry's bytes by its local header, which must tell the same story as the central directory. */
async function place(zip: yauzl.ZipFile, listed: readonly Listed[]): Promise<Placed[]> {
  const faults: Fault[] = []
  const placed: Placed[] = []
  for (const item of listed) {
    const { entry, name } = item
    try {
      const header = await zip.readLocalFileHeaderPromise(entry)
      if (!header.fileName.equals(entry.fileNameRaw) || header.compressionMethod !== entry.compressionMethod)
        faults.push({ pointer: name, detail: 'its two headers disagree about what it is' })
      const dataStart = header.fileDataStart
      placed.push({
        ...item,
        start: entry.relativeOffsetOfLocalHeader,
        dataStart,
        end: dataStart + entry.compressedSize,
      })
    } catch (error) {
      faults.push({ pointer: name, detail: `its bytes are not there: ${(error as Error).message}` })
    }
  }
  refuseAny(faults)
  return placed
}

function overlapFaults(placed: readonly Placed[]): Fault[] {
  const inOrder = placed.toSorted((a, b) => a.start - b.start)
  return inOrder.slice(1).flatMap((next, i) => {
    const before = inOrder[i]!
    if (next.start >= before.end) return []
    return [{ pointer: next.name, detail: `its bytes overlap those of "${before.name}"` }]
  })
}

async function inflateAll(archive: Buffer, placed: readonly Placed[]): Promise<BundleFile[]> {
  const faults: Fault[] = []
  const files: BundleFile[] = []
  for (const { name, isFolder, entry, dataStart, end } of placed) {
    if (isFolder) continue
    try {
      const packed = archive.subarray(dataStart, end)
      const bytes = entry.compressionMethod === 0 ? packed : await inflate(packed, entry.uncompressedSize)
      if (bytes.length !== entry.uncompressedSize)
        throw new Error(`it unpacks to ${bytes.length} bytes but declares ${entry.uncompressedSize}`)
      if (crc32(bytes) !== entry.crc32) throw new Error('its checksum does not match its bytes')
      files.push({ name, sizeBytes: bytes.length, bytes })
    } catch (error) {
      faults.push({ pointer: name, detail: (error as Error).message })
    }
  }
  refuseAny(faults)
  return files
}

const inflateAsync = promisify(inflateRaw) as (
  packed: Uint8Array,
  options: { maxOutputLength: number },
) => Promise<Buffer>

/** Inflates until one byte more than declared, and no further. */
async function inflate(packed: Buffer, declaredBytes: number): Promise<Buffer> {
  try {
    return await inflateAsync(packed, { maxOutputLength: declaredBytes + 1 })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason =
      code === 'ERR_BUFFER_TOO_LARGE' ? `it unpacks to more than the ${declaredBytes} bytes it declares` : undefined
    throw new Error(reason ?? `it cannot be unpacked: ${(error as Error).message}`, { cause: error })
  }
}
