import { createHash } from 'node:crypto'
import type { Blob } from '@baton/contracts'
import type { BlobStore } from '@baton/core'
import { openBucket } from './bucket.ts'
import type { S3BlobStoreOptions } from './bucket.ts'
import { ensureBucket } from './ensure-bucket.ts'
import { presignGet, presignPut } from './presign.ts'
import { listBlobs } from './list.ts'
import { readBlob, readBlobToFile, statBlob } from './read.ts'
import { removeBlobs } from './remove.ts'
import { writeBlob, writeBlobFile } from './write.ts'

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
  /**
   * Reads an object into a file that is not there yet, without holding it in memory. The file is left, damaged or in
   * part, where this fails.
   * @throws {AppError} `blob-missing`, `digest-mismatch`, `storage-unavailable`
   */
  readToFile(digest: string, path: string): Promise<void>
  /**
   * Every object, in the order of their digests; what else lies in the bucket is passed over.
   * @throws {AppError} `storage-unavailable`
   */
  list(): AsyncIterable<Blob>
  /** Closes idle connections. */
  close(): void
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
    readToFile: (digest, path) => readBlobToFile(inside, digest, path),
    list: () => listBlobs(inside),
    presignGet: (digest, { expiresSeconds }) => presignGet(outside, digest, expiresSeconds),
    presignPut: (blob, { expiresSeconds }) => presignPut(outside, blob, expiresSeconds),
    remove: (digests) => removeBlobs(inside, digests),
    close() {
      inside.client.destroy()
      outside.client.destroy()
    },
  }
}
