import { S3Client } from '@aws-sdk/client-s3'

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

/** A bucket and a client that reaches it. */
export interface Bucket {
  readonly client: S3Client
  readonly name: string
}

/** A client of the store at one of its addresses. */
export function openBucket(options: S3BlobStoreOptions, endpoint: string): Bucket {
  // The SDK is pinned to a version for this Node; its advice to update is for us, not for whoever runs this.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
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
