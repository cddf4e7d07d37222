export type { S3BlobStoreOptions } from './bucket.ts'
export { s3BlobStore } from './s3-blob-store.ts'
export type { S3BlobStore } from './s3-blob-store.ts'
