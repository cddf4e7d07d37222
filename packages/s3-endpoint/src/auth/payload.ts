import { invalidArgument, invalidRequest } from '../errors.ts'
import type { SigningScope } from './signature.ts'

/** What `x-amz-content-sha256` says of the body: how it is framed, and what of it the signature covers. */
export type Payload =
  /** The bytes as they are; nothing is known of them. */
  | { readonly kind: 'unsigned' }
  /** The bytes as they are, with this SHA-256. */
  | { readonly kind: 'sha256'; readonly hex: string }
  /** Chunks in the `aws-chunked` framing; each is signed where there is a seed. */
  | { readonly kind: 'chunked'; readonly trailer: boolean; readonly seed: ChunkSeed | null }

/** What the first chunk's signature continues from. */
export interface ChunkSeed {
  readonly scope: SigningScope
  readonly signature: string
}

const special = [
  'UNSIGNED-PAYLOAD',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER',
]

/** @throws {S3Error} `InvalidArgument` for a value S3 does not know, `InvalidRequest` for elliptic-curve signatures */
export function readPayload(value: string, seed: ChunkSeed): Payload {
  if (/^[0-9a-f]{64}$/.test(value)) return { kind: 'sha256', hex: value }
  switch (value) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', trailer: true, seed: null }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', trailer: false, seed }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', trailer: true, seed }
  }
  if (special.includes(value)) throw invalidRequest('The value of x-amz-content-sha256 header is invalid.')
  const known = `${special.join(', ')} or a valid sha256 value.`
  throw invalidArgument('x-amz-content-sha256', value, `x-amz-content-sha256 must be ${known}`)
}
