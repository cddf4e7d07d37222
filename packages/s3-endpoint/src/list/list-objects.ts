import { requireBucket } from '../bucket/record.ts'
import type { Context } from '../context.ts'
import { invalidArgument } from '../errors.ts'
import type { S3Request, S3Response } from '../request.ts'
import type { Elements } from '../xml/write.ts'
import { writeXml } from '../xml/write.ts'
import { scanEntries } from './entries.ts'
import type { Entry } from './entries.ts'
import { compareBytes } from './order.ts'
import { readListParameters } from './parameters.ts'
import type { ListParameters } from './parameters.ts'

/** ListObjectsV2. */
export async function listObjectsV2(context: Context, request: S3Request): Promise<S3Response> {
  const { query } = request
  const parameters = readListParameters(query, 'max-keys')
  const token = query.get('continuation-token')
  const startAfter = query.get('start-after')
  const page = await readPage(context, request, parameters, laterOf(readToken(token), startAfter))
  const owner = query.get('fetch-owner') === 'true' ? context.ownerId : undefined
  return {
    status: 200,
    document: writeXml('ListBucketResult', {
      ...describePage(request, parameters, page, owner),
      KeyCount: page.entries.length,
      ContinuationToken: token,
      NextContinuationToken: page.last === undefined ? undefined : writeToken(page.last),
      StartAfter: startAfter === undefined ? undefined : parameters.encode(startAfter),
    }),
  }
}

/** ListObjects, the first version: its marker is a key. */
export async function listObjects(context: Context, request: S3Request): Promise<S3Response> {
  const parameters = readListParameters(request.query, 'max-keys')
  const marker = request.query.get('marker')
  const page = await readPage(context, request, parameters, marker === '' ? undefined : marker)
  return {
    status: 200,
    document: writeXml('ListBucketResult', {
      ...describePage(request, parameters, page, context.ownerId),
      Marker: parameters.encode(marker ?? ''),
      NextMarker: page.last === undefined ? undefined : parameters.encode(page.last),
    }),
  }
}

interface Page {
  readonly entries: readonly Entry[]
  /** The last name of a page that others follow. */
  readonly last: string | undefined
}

async function readPage(
  { db }: Context,
  { bucket }: S3Request,
  { prefix, delimiter, max }: ListParameters,
  after: string | undefined,
): Promise<Page> {
  await requireBucket(db, bucket)
  const limit = max === 0 ? 0 : max + 1
  const found = await scanEntries(db, { bucket, prefix, delimiter, after, limit })
  const entries = found.slice(0, max)
  return { entries, last: found.length > max ? entries.at(-1)!.name : undefined }
}

function describePage({ bucket }: S3Request, parameters: ListParameters, page: Page, owner?: string): Elements {
  const { prefix, delimiter, max, encode, encodingType } = parameters
  return {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: encodingType,
    IsTruncated: page.last !== undefined,
    Contents: page.entries.flatMap((entry) => (entry.kind === 'object' ? [describeObject(entry, encode, owner)] : [])),
    CommonPrefixes: page.entries.flatMap(({ kind, name }) => (kind === 'prefix' ? [{ Prefix: encode(name) }] : [])),
  }
}

function describeObject(
  entry: Extract<Entry, { kind: 'object' }>,
  encode: (name: string) => string,
  owner: string | undefined,
): Elements {
  return {
    Key: encode(entry.name),
    LastModified: entry.modifiedAt,
    ETag: `"${entry.etag}"`,
    ChecksumAlgorithm: entry.checksum.algorithm,
    ChecksumType: entry.checksum.type,
    Size: entry.sizeBytes,
    StorageClass: 'STANDARD',
    Owner: owner === undefined ? undefined : { ID: owner },
  }
}

/** Tokens are opaque text, so that a key with any character in it survives the way through XML and back. */
const writeToken = (name: string) => Buffer.from(name).toString('base64url')

function readToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined
  const name = Buffer.from(token, 'base64url').toString()
  if (token !== '' && writeToken(name) === token && !name.includes('\0')) return name
  throw invalidArgument('continuation-token', token, 'The continuation token provided is incorrect')
}

function laterOf(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? (b === '' ? undefined : b)
  return compareBytes(a, b) > 0 ? a : b
}
