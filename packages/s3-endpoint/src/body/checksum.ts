import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc'
import { Xxh3_128, Xxh3_64, Xxh64 } from '@aws-sdk/checksums/xxh'

/** A running checksum. */
export interface Digester {
  update(bytes: Uint8Array): void
  /** Ends it; what it answers is the checksum's bytes, most significant first. */
  digest(): Promise<Buffer>
}

interface AlgorithmSpec {
  readonly sizeBytes: number
  readonly create: () => Digester
  /** How a multipart object may be checked: over all its bytes, or over its parts' checksums. Default first. */
  readonly types: readonly ChecksumType[]
}

/** `FULL_OBJECT`: over all bytes. `COMPOSITE`: over the parts' checksums, followed by `-` and their number. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

/** The checksums that S3 knows, by the name in `x-amz-checksum-algorithm`. */
export const algorithms = {
  CRC32: { sizeBytes: 4, create: createCrc32, types: ['COMPOSITE', 'FULL_OBJECT'] },
  CRC32C: { sizeBytes: 4, create: () => adapt(new Crc32c()), types: ['COMPOSITE', 'FULL_OBJECT'] },
  CRC64NVME: { sizeBytes: 8, create: () => adapt(new Crc64Nvme()), types: ['FULL_OBJECT'] },
  MD5: { sizeBytes: 16, create: () => createHasher('md5'), types: ['COMPOSITE'] },
  SHA1: { sizeBytes: 20, create: () => createHasher('sha1'), types: ['COMPOSITE'] },
  SHA256: { sizeBytes: 32, create: () => createHasher('sha256'), types: ['COMPOSITE'] },
  SHA512: { sizeBytes: 64, create: () => createHasher('sha512'), types: ['COMPOSITE'] },
  XXHASH64: { sizeBytes: 8, create: () => adapt(new Xxh64()), types: ['COMPOSITE'] },
  XXHASH3: { sizeBytes: 8, create: () => adapt(new Xxh3_64()), types: ['COMPOSITE'] },
  XXHASH128: { sizeBytes: 16, create: () => adapt(new Xxh3_128()), types: ['COMPOSITE'] },
} as const satisfies Record<string, AlgorithmSpec>

export type ChecksumAlgorithm = keyof typeof algorithms
export const algorithmNames = Object.keys(algorithms) as ChecksumAlgorithm[]

/** What an object or part is stored with: a checksum of its bytes that the client sent or this endpoint made. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  /** Base64; a composite one ends in `-` and the number of parts. */
  readonly value: string
}

/** The algorithm of that name in any case, or undefined. */
export function findAlgorithm(name: string): ChecksumAlgorithm | undefined {
  return algorithmNames.find((known) => known === name.toUpperCase())
}

/** `x-amz-checksum-sha256` and its like. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** Response headers that tell a checksum. */
export function checksumHeaders({ algorithm, type, value }: Checksum): Record<string, string> {
  return { [checksumHeader(algorithm)]: value, 'x-amz-checksum-type': type }
}

/** The element in which response documents name a checksum of that algorithm. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`
}

/** Whether a text is base64 of as many bytes as the algorithm has. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  return isBase64Of(value, algorithms[algorithm].sizeBytes)
}

/** Whether a text is canonical base64 of exactly that many bytes. */
export function isBase64Of(text: string, sizeBytes: number): boolean {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === sizeBytes && bytes.toString('base64') === text
}

function createHasher(name: string): Digester {
  const hash = createHash(name)
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest() }
}

function createCrc32(): Digester {
  let value = 0
  return {
    update: (bytes) => void (value = crc32(bytes, value)),
    digest: async () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes
    },
  }
}

function adapt(checksum: { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> }): Digester {
  return { update: (bytes) => checksum.update(bytes), digest: async () => Buffer.from(await checksum.digest()) }
}
