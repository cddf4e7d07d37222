import { createHash } from 'node:crypto'
import { algorithms } from './checksum.ts'
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksum.ts'

export interface PartChecksum {
  /** Base64 of the part's own checksum. */
  readonly value: string
  readonly sizeBytes: number
}

/** Generator polynomials with their lowest power in the highest bit, as the reflected algorithms use them. */
const polynomials: Partial<Record<ChecksumAlgorithm, { bits: number; reflected: bigint }>> = {
  CRC32: { bits: 32, reflected: 0xedb88320n },
  CRC32C: { bits: 32, reflected: 0x82f63b78n },
  CRC64NVME: { bits: 64, reflected: 0x9a6c9329ac4bc9b5n },
}

/**
 * The checksum of a multipart object from those of its parts: no byte is read again.
 * @param parts In the order in which they make up the object.
 */
export async function combineChecksums(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly PartChecksum[],
): Promise<Checksum> {
  if (type === 'FULL_OBJECT') return { algorithm, type, value: combineCrcs(algorithm, parts) }
  const digester = algorithms[algorithm].create()
  for (const { value } of parts) digester.update(Buffer.from(value, 'base64'))
  return { algorithm, type, value: `${(await digester.digest()).toString('base64')}-${parts.length}` }
}

/** S3's ETag of a multipart object: MD5 over the parts' MD5s, `-`, and their number. */
export function combineEtags(etags: readonly string[]): string {
  const hash = createHash('md5')
  for (const etag of etags) hash.update(Buffer.from(etag, 'hex'))
  return `${hash.digest('hex')}-${etags.length}`
}

/**
 * CRC of concatenated bytes from the CRCs of the pieces.
 *
 *   crc(A ‖ B) = crc(A) · x^(8 |B|) mod P  ⊕  crc(B)
 *
 * over GF(2), which holds for CRCs whose initial value and final xor are the same all-ones word.
 * @see zlib's crc32_combine, https://github.com/madler/zlib/blob/develop/crc32.c
 */
function combineCrcs(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): string {
  const field = polynomials[algorithm]!
  const shifts = new Map<number, bigint>()
  const shift = (sizeBytes: number) => {
    if (!shifts.has(sizeBytes)) shifts.set(sizeBytes, powerOfX(8n * BigInt(sizeBytes), field))
    return shifts.get(sizeBytes)!
  }
  const crc = parts.reduce((sum, part) => {
    const own = BigInt(`0x${Buffer.from(part.value, 'base64').toString('hex')}`)
    return multiply(sum, shift(part.sizeBytes), field) ^ own
  }, 0n)
  return Buffer.from(crc.toString(16).padStart(field.bits / 4, '0'), 'hex').toString('base64')
}

interface Field {
  readonly bits: number
  readonly reflected: bigint
}

/** x^n mod P by squaring, in the reflected order of bits: 1 is the highest bit, x the one below it. */
function powerOfX(n: bigint, field: Field): bigint {
  const one = 1n << BigInt(field.bits - 1)
  let power = one
  let square = one >> 1n
  for (; n > 0n; n >>= 1n) {
    if (n & 1n) power = multiply(power, square, field)
    square = multiply(square, square, field)
  }
  return power
}

function multiply(a: bigint, b: bigint, { bits, reflected }: Field): bigint {
  let product = 0n
  for (let mask = 1n << BigInt(bits - 1); mask > 0n; mask >>= 1n) {
    if (a & mask) product ^= b
    b = b & 1n ? (b >> 1n) ^ reflected : b >> 1n
  }
  return product
}
