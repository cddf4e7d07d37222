import { createHash } from 'node:crypto'
import { S3Error, invalidRequest } from '../errors.ts'
import type { NewFile } from '../files/file-store.ts'
import type { S3Request } from '../request.ts'
import { algorithms, checksumHeader, isChecksumValue } from './checksum.ts'
import type { Checksum, ChecksumAlgorithm, Digester } from './checksum.ts'
import { decodeChunked } from './chunked.ts'
import type { Expectations } from './expect.ts'

/** Bytes that lie durable in a file which no row names yet. */
export interface StoredBytes {
  readonly file: string
  readonly sizeBytes: number
  /** Hex MD5: the ETag of what is not multipart. */
  readonly etag: string
  /** What is kept beside the bytes. */
  readonly checksum: Checksum
}

/** A body that was received, and what the client is told of it. */
export interface StoredBody extends StoredBytes {
  /** Of the algorithm that the client named, or of the one that is kept. */
  readonly told: Checksum
}

/** Checked where the client names none, as on Amazon S3. */
export const algorithmDefault: ChecksumAlgorithm = 'CRC64NVME'

/** Gathered before each write, so that small network reads do not become small disk writes. */
const batchBytes = 1024 * 1024

/**
 * Streams a request's body into the file and checks all that the request says of it: length, framing, payload hash,
 * MD5 and checksum. Only bytes that are what they were said to be come back as stored.
 *
 * @param expected What the request says of its body: `readExpectations`.
 * @param keep The algorithm whose checksum is kept, whatever the request names; left out, the request's own.
 * @throws {S3Error} 4xx for bytes that differ from what was said
 */
export async function storeBody(
  { payload, body }: S3Request,
  expected: Expectations,
  file: NewFile,
  keep?: ChecksumAlgorithm,
): Promise<StoredBody> {
  const told = expected.checksum?.algorithm ?? keep ?? algorithmDefault
  const kept = keep ?? told
  let trailers: ReadonlyMap<string, string> = new Map()
  const source =
    payload.kind === 'chunked' ? decodeChunked(body, { ...payload, onTrailers: (read) => (trailers = read) }) : body
  const digesters = createDigesters([kept, told])
  const sha256 = createHash('sha256')
  const update = (bytes: Buffer) => {
    for (const digester of digesters.values()) digester.update(bytes)
    if (payload.kind === 'sha256') sha256.update(bytes)
  }
  const stored = await storeBytes(limitTo(source, expected.sizeBytes), file, update)
  if (payload.kind === 'sha256') checkPayloadHash(payload.hex, sha256.digest('hex'))
  const checksums = await digestAll(digesters)
  checkDigests(stored.etag, checksums, expected, trailers)
  return { ...stored, checksum: checksums.get(kept)!, told: checksums.get(told)! }
}

/** Streams bytes that this endpoint holds already into the file: the target of a copy. */
export async function storeCopy(
  source: AsyncIterable<Buffer>,
  file: NewFile,
  algorithm: ChecksumAlgorithm,
): Promise<StoredBytes> {
  const digester = algorithms[algorithm].create()
  const stored = await storeBytes(source, file, (bytes) => digester.update(bytes))
  return { ...stored, checksum: (await digestAll(new Map([[algorithm, digester]]))).get(algorithm)! }
}

/** Writes bytes to the file, hashing on the way, and makes them durable. */
async function storeBytes(source: AsyncIterable<Buffer>, file: NewFile, update: (bytes: Buffer) => void) {
  const md5 = createHash('md5')
  const writer = createBatchWriter(file)
  let sizeBytes = 0
  try {
    for await (const bytes of source) {
      md5.update(bytes)
      update(bytes)
      sizeBytes += bytes.length
      await writer.add(bytes)
    }
  } finally {
    await writer.end()
  }
  await file.seal()
  return { file: file.id, sizeBytes, etag: md5.digest('hex') }
}

function createDigesters(names: readonly ChecksumAlgorithm[]): Map<ChecksumAlgorithm, Digester> {
  return new Map([...new Set(names)].map((name) => [name, algorithms[name].create()]))
}

async function digestAll(digesters: Map<ChecksumAlgorithm, Digester>): Promise<Map<ChecksumAlgorithm, Checksum>> {
  const checksums = new Map<ChecksumAlgorithm, Checksum>()
  for (const [algorithm, digester] of digesters)
    checksums.set(algorithm, { algorithm, type: 'FULL_OBJECT', value: (await digester.digest()).toString('base64') })
  return checksums
}

/** Gathers buffers and writes them in the background, one batch at a time. */
function createBatchWriter(file: NewFile) {
  let batch: Buffer[] = []
  let batchedBytes = 0
  let writing = Promise.resolve()
  const flush = async () => {
    await writing
    writing = file.write(batch)
    // The next flush throws what this one failed with; until then it must not count as unhandled.
    writing.catch(() => undefined)
    batch = []
    batchedBytes = 0
  }
  return {
    async add(bytes: Buffer) {
      batch.push(bytes)
      batchedBytes += bytes.length
      if (batchedBytes >= batchBytes) await flush()
    },
    async end() {
      if (batch.length > 0) await flush()
      await writing
    },
  }
}

async function* limitTo(source: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer> {
  let left = sizeBytes
  for await (const bytes of source) {
    left -= bytes.length
    if (left < 0) throw lengthMismatch()
    yield bytes
  }
  if (left > 0) throw lengthMismatch()
}

function lengthMismatch(): S3Error {
  return new S3Error(
    'IncompleteBody',
    {},
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  )
}

/** @throws {S3Error} `XAmzContentSHA256Mismatch` */
export function checkPayloadHash(said: string, computed: string): void {
  if (said === computed) return
  throw new S3Error('XAmzContentSHA256Mismatch', {
    ClientComputedContentSHA256: said,
    S3ComputedContentSHA256: computed,
  })
}

function checkDigests(
  etag: string,
  checksums: ReadonlyMap<ChecksumAlgorithm, Checksum>,
  expected: Expectations,
  trailers: ReadonlyMap<string, string>,
): void {
  checkMd5(expected.md5, etag)
  const said = expected.checksum?.value ?? readTrailer(expected, trailers)
  if (said === undefined || expected.checksum === undefined) return
  const { algorithm } = expected.checksum
  if (said !== checksums.get(algorithm)!.value)
    throw new S3Error('BadDigest', {}, `The ${algorithm} you specified did not match the calculated checksum.`)
}

/** @throws {S3Error} `BadDigest` */
export function checkMd5(saidBase64: string | undefined, computedHex: string): void {
  if (saidBase64 === undefined) return
  const computed = Buffer.from(computedHex, 'hex').toString('base64')
  if (saidBase64 === computed) return
  const expectedHex = Buffer.from(saidBase64, 'base64').toString('hex')
  throw new S3Error('BadDigest', { CalculatedDigest: computed, ExpectedDigest: expectedHex })
}

function readTrailer({ checksum }: Expectations, trailers: ReadonlyMap<string, string>): string | undefined {
  const announced = checksum?.value === undefined && checksum ? checksumHeader(checksum.algorithm) : undefined
  const names = [...trailers.keys()]
  if (names.some((name) => name !== announced) || (announced !== undefined && names.length === 0))
    throw new S3Error('MalformedTrailerError')
  if (announced === undefined) return undefined
  const value = trailers.get(announced)!
  if (!isChecksumValue(checksum!.algorithm, value))
    throw invalidRequest(`Value for ${announced} trailing header is invalid.`)
  return value
}
