import { S3Error, invalidRequest, notImplemented } from '../errors.ts'
import type { Headers } from '../headers.ts'

const kept = ['cache-control', 'content-disposition', 'content-language', 'expires', 'x-amz-website-redirect-location']
const metadataMaxBytes = 2048
const metadataPrefix = 'x-amz-meta-'
/** What S3 says of bytes whose kind it was not told. */
const contentTypeDefault = 'binary/octet-stream'

/**
 * The headers of an upload that come back with every download.
 * @throws {S3Error} `MetadataTooLarge`, and 4xx or 501 for headers that ask for what this endpoint does not do
 */
export function readStoredHeaders(headers: Headers): Record<string, string> {
  refuseUnsupported(headers)
  const stored: Record<string, string> = { 'content-type': headers.get('content-type') ?? contentTypeDefault }
  const encoding = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== 'aws-chunked')
  if (encoding.length > 0) stored['content-encoding'] = encoding.join(',')
  for (const [name, value] of headers)
    if (kept.includes(name) || name.startsWith(metadataPrefix)) stored[name] = value.trim()
  checkMetadataSize(stored)
  return stored
}

/** @throws {S3Error} `NotImplemented`, `InvalidRequest`, `InvalidStorageClass`, `AccessDenied` */
export function refuseUnsupported(headers: Headers): void {
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-server-side-encryption') || name.startsWith('x-amz-grant-')) throw notImplemented(name)
    if (name.startsWith('x-amz-object-lock-')) throw invalidRequest('Bucket is missing ObjectLockConfiguration')
    if (name === 'x-amz-acl' && !privateAcls.includes(value)) throw notImplemented(name)
    if (name === 'x-amz-storage-class' && value !== 'STANDARD') throw new S3Error('InvalidStorageClass')
    if (name === 'x-amz-write-offset-bytes') throw notImplemented(name)
  }
  const redirect = headers.get('x-amz-website-redirect-location')
  if (redirect !== undefined && !/^(https?:\/\/|\/)/.test(redirect)) throw new S3Error('InvalidRedirectLocation')
}

/** Access lists under which only the owner reads: what is so here anyway. */
const privateAcls = ['private', 'bucket-owner-full-control', 'bucket-owner-read']

function checkMetadataSize(stored: Record<string, string>): void {
  const sizeBytes = Object.entries(stored)
    .filter(([name]) => name.startsWith(metadataPrefix))
    .reduce((sum, [name, value]) => sum + name.length - metadataPrefix.length + value.length, 0)
  if (sizeBytes > metadataMaxBytes)
    throw new S3Error('MetadataTooLarge', { Size: sizeBytes, MaxSizeAllowed: metadataMaxBytes })
}
