import { readDocument } from '../body/read-document.ts'
import type { Context } from '../context.ts'
import { S3Error, invalidArgument, notImplemented } from '../errors.ts'
import { refuseUnsupported } from '../object/stored-headers.ts'
import { readTagDocument, readTagSet, tagElements } from '../object/tags.ts'
import type { Tags } from '../object/tags.ts'
import type { S3Request, S3Response } from '../request.ts'
import { childrenOf, parseXml, textOf } from '../xml/parse.ts'
import { writeXml } from '../xml/write.ts'
import { isBucketName } from './name.ts'
import { requireBucket } from './record.ts'

/** CreateBucket: in this endpoint's region, which a location constraint may name. */
export async function createBucket(context: Context, request: S3Request): Promise<S3Response> {
  const { bucket, headers } = request
  if (!isBucketName(bucket)) throw new S3Error('InvalidBucketName', { BucketName: bucket })
  refuseUnsupported(headers)
  if (headers.get('x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true')
    throw notImplemented('x-amz-bucket-object-lock-enabled')
  const tags = readConfiguration(await readDocument(request), context.region)
  const { rowCount } = await context.db.query(
    'INSERT INTO s3_bucket (name, tags, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [bucket, tags, new Date(context.now())],
  )
  if (rowCount === 0) throw new S3Error('BucketAlreadyOwnedByYou', { BucketName: bucket })
  return { status: 200, headers: { location: `${context.prefix}/${bucket}` } }
}

/** DeleteBucket: only an empty one. Multipart uploads that nobody completed go with it. */
export async function deleteBucket({ db }: Context, { bucket }: S3Request): Promise<S3Response> {
  await requireBucket(db, bucket)
  const { rowCount } = await db.query(
    'DELETE FROM s3_bucket WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM s3_object WHERE bucket = $1)',
    [bucket],
  )
  if (rowCount === 0) throw new S3Error('BucketNotEmpty', { BucketName: bucket })
  return { status: 204 }
}

/** HeadBucket. */
export async function headBucket({ db, region }: Context, { bucket }: S3Request): Promise<S3Response> {
  await requireBucket(db, bucket)
  return { status: 200, headers: { 'x-amz-bucket-region': region } }
}

/** GetBucketLocation: S3 calls its first region by no name. */
export async function getLocation({ db, region }: Context, { bucket }: S3Request): Promise<S3Response> {
  await requireBucket(db, bucket)
  const name = region === regionWithoutName ? '' : region
  const document = writeXml('LocationConstraint', {}).replace('></', `>${name}</`)
  return { status: 200, document }
}

/** GetBucketVersioning: never enabled. */
export async function getVersioning({ db }: Context, { bucket }: S3Request): Promise<S3Response> {
  await requireBucket(db, bucket)
  return { status: 200, document: writeXml('VersioningConfiguration', {}) }
}

/** ListBuckets: in the order of their names, a page at a time where `max-buckets` is given. */
export async function listBuckets({ db, region, ownerId }: Context, { query }: S3Request): Promise<S3Response> {
  const max = readMaxBuckets(query.get('max-buckets'))
  const prefix = query.get('prefix') ?? ''
  const { rows } = await db.query<{ name: string; created_at: Date }>(
    `SELECT name, created_at FROM s3_bucket WHERE starts_with(name, $1) AND name > $2 ORDER BY name LIMIT $3`,
    [prefix, query.get('continuation-token') ?? '', max + 1],
  )
  const page = rows.slice(0, max)
  return {
    status: 200,
    document: writeXml('ListAllMyBucketsResult', {
      Buckets: {
        Bucket: page.map(({ name, created_at }) => ({
          Name: name,
          CreationDate: created_at,
          BucketRegion: region,
        })),
      },
      Owner: { ID: ownerId },
      ContinuationToken: rows.length > max ? page.at(-1)!.name : undefined,
      Prefix: prefix === '' ? undefined : prefix,
    }),
  }
}

/** GetBucketTagging. */
export async function getBucketTags({ db }: Context, { bucket }: S3Request): Promise<S3Response> {
  const { rows } = await db.query<{ tags: Tags }>('SELECT tags FROM s3_bucket WHERE name = $1', [bucket])
  if (rows[0] === undefined) throw new S3Error('NoSuchBucket', { BucketName: bucket })
  if (Object.keys(rows[0].tags).length === 0) throw new S3Error('NoSuchTagSet', { BucketName: bucket })
  return { status: 200, document: writeXml('Tagging', tagElements(rows[0].tags)) }
}

/** PutBucketTagging: replaces all tags. */
export async function putBucketTags(context: Context, request: S3Request): Promise<S3Response> {
  await setTags(context, request, readTagDocument(await readDocument(request), 'bucket'))
  return { status: 204 }
}

/** DeleteBucketTagging. */
export async function deleteBucketTags(context: Context, request: S3Request): Promise<S3Response> {
  await setTags(context, request, {})
  return { status: 204 }
}

const regionWithoutName = 'us-east-1'

async function setTags({ db }: Context, { bucket }: S3Request, tags: Tags): Promise<void> {
  const { rowCount } = await db.query('UPDATE s3_bucket SET tags = $2 WHERE name = $1', [bucket, tags])
  if (rowCount === 0) throw new S3Error('NoSuchBucket', { BucketName: bucket })
}

function readConfiguration(source: string, region: string): Tags {
  if (source.trim() === '') return {}
  const configuration = parseXml(source, 'CreateBucketConfiguration')
  const location = textOf(configuration, 'LocationConstraint') ?? ''
  if (location !== '' && (location !== region || location === regionWithoutName))
    throw new S3Error('InvalidLocationConstraint', { LocationConstraint: location })
  const tags = childrenOf(configuration, 'Tags')[0]
  return tags === undefined ? {} : readTagSet(tags, 'bucket')
}

function readMaxBuckets(text: string | undefined): number {
  if (text === undefined) return 10_000
  const max = Number(text)
  if (/^\d{1,5}$/.test(text) && max >= 1 && max <= 10_000) return max
  throw invalidArgument('max-buckets', text, 'Argument max-buckets must be an integer between 1 and 10000.')
}
