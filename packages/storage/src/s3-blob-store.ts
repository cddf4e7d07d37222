import { createHash } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import type { Blob } from '@baton/contracts'
import type { BlobStore } from '@baton/core'
import { ensureBucket } from './ensure-bucket.ts'
import { presignGet, presignPut } from './presign.ts'
import { readBlob, statBlob } from './read.ts'
import { removeBlobs } from './remove.ts'
import { writeBlob, writeBlobFile } from './write.ts'

export interface S3BlobStoreOptions {
  /** Address of the store as this process reaches it, with a path if it is mounted under one. */
  readonly endpoint: string
  /** Address of the same store as notebooks reach it: what presigned addresses begin with. Default: `endpoint`. */
  readonly publicEndpoint?: string
  readonly region: string
  readonly bucket: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Whether the bucket is a part of the path, not of the host name. Default true: every store takes that. */
  readonly forcePathStyle?: boolean
}

/** `BlobStore` on an S3 bucket, and what only processes with its credentials may do. */
export interface S3BlobStore extends BlobStore {
  /**
   * Makes the bucket if it is not there.
   * @throws {AppError} `storage-unavailable`
   */
  ensureBucket(): Promise<void>
  /**
   * Stores a file's bytes without holding them in memory. The file is read twice: its digest is its name, and what is
   * sent is compared with it, so a file that changes meanwhile is refused and not stored under a wrong name.
   * @throws {AppError} `digest-mismatch` if the file changed, `storage-unavailable`
   */
  writeFile(path: string): Promise<Blob>
  /** Closes idle connections. */
  close(): void
}

/** A bucket and a client that reaches it. */
export interface Bucket {
  readonly client: S3Client
  readonly name: string
}

/**
 * Content-addressed objects in an S3 bucket. Keys are flat: an object's key is its digest, so what two stores make of
 * slashes and dots does not matter.
 */
export function s3BlobStore(options: S3BlobStoreOptions): S3BlobStore {
  const inside = openBucket(options, options.endpoint)
  const outside = openBucket(options, options.publicEndpoint ?? options.endpoint)
  return {
    ensureBucket: () => ensureBucket(inside),
    stat: (digest) => statBlob(inside, digest),
    read: (digest, limits) => readBlob(inside, digest, limits),
    async write(bytes) {
      const blob = { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength }
      await writeBlob(inside, blob, bytes)
      return blob
    },
    writeFile: (path) => writeBlobFile(inside, path),
    presignGet: (digest, { expiresSeconds }) => presignGet(outside, digest, expiresSeconds),
    presignPut: (blob, { expiresSeconds }) => presignPut(outside, blob, expiresSeconds),
    remove: (digests) => removeBlobs(inside, digests),
    close() {
      inside.client.destroy()
      outside.client.destroy()
    },
  }
}

function openBucket(options: S3BlobStoreOptions, endpoint: string): Bucket {
  const client = new S3Client({
    endpoint,
    region: options.region,
    credentials: options.credentials,
    forcePathStyle: options.forcePathStyle ?? true,
    // A presigned address would carry the checksum of an empty body otherwise, and a store that checks refuses the
    // real one. Where a checksum matters it is named below.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // Digests are compared here.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  })
  return { client, name: options.bucket }
}
