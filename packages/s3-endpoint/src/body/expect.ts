import type { Payload } from '../auth/payload.ts'
import { S3Error, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { checksumHeader, findAlgorithm, isBase64Of, isChecksumValue } from './checksum.ts'
import type { ChecksumAlgorithm } from './checksum.ts'

/** What a request says about the bytes that follow. */
export interface Expectations {
  /** Length without framing. */
  readonly sizeBytes: number
  /** Base64, from Content-MD5. */
  readonly md5: string | undefined
  readonly checksum: ExpectedChecksum | undefined
}

export interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm
  /** Base64; undefined where it comes in the trailer. */
  readonly value: string | undefined
}

/** The largest single object or part, as on Amazon S3. */
export const bodyMaxBytes = 5 * 1024 ** 3

/**
 * Reads what a request promises of its body, before a byte of it is read.
 * @throws {S3Error} 4xx for a promise that cannot be kept or understood
 */
export function readExpectations(headers: Headers, payload: Payload): Expectations {
  const sizeBytes = readLength(headers, payload)
  if (sizeBytes > bodyMaxBytes)
    throw new S3Error('EntityTooLarge', { ProposedSize: sizeBytes, MaxSizeAllowed: bodyMaxBytes })
  return { sizeBytes, md5: readMd5(headers), checksum: readChecksum(headers) }
}

function readLength(headers: Headers, payload: Payload): number {
  const text = headers.get(payload.kind === 'chunked' ? 'x-amz-decoded-content-length' : 'content-length')
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new S3Error('MissingContentLength')
  return Number(text)
}

function readMd5(headers: Headers): string | undefined {
  const md5 = headers.get('content-md5')
  if (md5 !== undefined && !isBase64Of(md5, 16)) throw new S3Error('InvalidDigest', { 'Content-MD5': md5 })
  return md5
}

/** Headers of that prefix that are not checksums themselves. */
const aboutChecksums = ['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type']

/**
 * The checksum that the request's headers name: at most one, of its own or in the trailer.
 * @throws {S3Error} `InvalidRequest`
 */
export function readChecksum(headers: Headers): ExpectedChecksum | undefined {
  const named = [...headers].filter(([name]) => name.startsWith('x-amz-checksum-') && !aboutChecksums.includes(name))
  const trailer = headers.get('x-amz-trailer')
  if (named.length + (trailer === undefined ? 0 : 1) > 1)
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  const checksum = trailer === undefined ? readNamed(named[0]) : readTrailerName(trailer)
  checkSdkAlgorithm(headers.get('x-amz-sdk-checksum-algorithm'), checksum)
  return checksum
}

function readNamed(header: readonly [string, string] | undefined): ExpectedChecksum | undefined {
  if (header === undefined) return undefined
  const [name, value] = header
  const algorithm = findAlgorithm(name.slice('x-amz-checksum-'.length))
  if (algorithm === undefined)
    throw invalidRequest('The algorithm type you specified in x-amz-checksum- header is invalid.')
  if (!isChecksumValue(algorithm, value)) throw invalidRequest(`Value for ${name} header is invalid.`)
  return { algorithm, value }
}

function readTrailerName(name: string): ExpectedChecksum {
  const lower = name.toLowerCase()
  const algorithm = findAlgorithm(lower.replace(/^x-amz-checksum-/, ''))
  if (algorithm === undefined || lower !== checksumHeader(algorithm))
    throw invalidRequest('The value specified in the x-amz-trailer header is not supported')
  return { algorithm, value: undefined }
}

function checkSdkAlgorithm(name: string | undefined, checksum: ExpectedChecksum | undefined): void {
  if (name === undefined) return
  const algorithm = findAlgorithm(name)
  if (algorithm === undefined || (checksum && checksum.algorithm !== algorithm))
    throw invalidRequest('Value for x-amz-sdk-checksum-algorithm header is invalid.')
  if (checksum === undefined)
    throw invalidRequest(
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    )
}

/** @throws {S3Error} `InvalidRequest` for an algorithm that S3 does not know */
export function requireAlgorithm(name: string): ChecksumAlgorithm {
  const algorithm = findAlgorithm(name)
  if (algorithm !== undefined) return algorithm
  throw invalidRequest(
    'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]',
  )
}
