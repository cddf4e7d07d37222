import { requireBucket } from '../bucket/record.ts'
import type { Context } from '../context.ts'
import type { Db } from '../db.ts'
import { invalidArgument } from '../errors.ts'
import { afterPrefix, commonPrefixOf, compareBytes, resumeAfter } from '../list/order.ts'
import { readListParameters } from '../list/parameters.ts'
import type { ListParameters } from '../list/parameters.ts'
import type { S3Request, S3Response } from '../request.ts'
import type { Elements } from '../xml/write.ts'
import { writeXml } from '../xml/write.ts'
import type { UploadRecord } from './record.ts'

/** ListMultipartUploads: by key, and uploads of one key in the order in which they began. */
export async function listUploads(context: Context, request: S3Request): Promise<S3Response> {
  const { bucket, query } = request
  const parameters = readListParameters(query, 'max-uploads')
  const { prefix, delimiter, max, encode, encodingType } = parameters
  await requireBucket(context.db, bucket)
  const keyMarker = query.get('key-marker') ?? ''
  const idMarker = query.get('upload-id-marker') ?? ''
  const start = await startOf(context.db, { bucket, keyMarker, idMarker, ...parameters })
  const found = start === null || max === 0 ? [] : await scan(context.db, bucket, parameters, start)
  const page = found.slice(0, max)
  const last = found.length > max ? page.at(-1) : undefined
  return {
    status: 200,
    document: writeXml('ListMultipartUploadsResult', {
      Bucket: bucket,
      KeyMarker: encode(keyMarker),
      UploadIdMarker: idMarker,
      Prefix: encode(prefix),
      Delimiter: delimiter === '' ? undefined : encode(delimiter),
      EncodingType: encodingType,
      NextKeyMarker: last && encode(last.name),
      NextUploadIdMarker: last?.kind === 'upload' ? last.id : undefined,
      MaxUploads: max,
      IsTruncated: last !== undefined,
      Upload: page.flatMap((entry) => (entry.kind === 'upload' ? [describe(entry, encode, context.ownerId)] : [])),
      CommonPrefixes: page.flatMap(({ kind, name }) => (kind === 'prefix' ? [{ Prefix: encode(name) }] : [])),
    }),
  }
}

interface UploadEntry {
  readonly kind: 'upload'
  readonly name: string
  readonly id: string
  readonly createdAt: Date
  readonly checksum: UploadRecord['checksum']
}

type Entry = UploadEntry | { readonly kind: 'prefix'; readonly name: string }

/** Entries are listed from the first whose key and number lie above these. */
interface Cursor {
  readonly key: string
  readonly number: string
}

/** Numbers of uploads begin at 1. */
const beforeAll = '0'

interface Row {
  id: string
  key: string
  number: string
  checksum: UploadRecord['checksum']
  created_at: Date
}

async function startOf(
  db: Db,
  at: { bucket: string; keyMarker: string; idMarker: string } & ListParameters,
): Promise<Cursor | null> {
  const { bucket, keyMarker, idMarker, prefix, delimiter } = at
  if (keyMarker === '') return { key: prefix, number: beforeAll }
  if (idMarker !== '') {
    const { rows } = await db.query<{ number: string }>(
      'SELECT number FROM s3_upload WHERE id::text = $1 AND bucket = $2 AND key = $3',
      [idMarker, bucket, keyMarker],
    )
    if (rows[0] === undefined) throw invalidArgument('upload-id-marker', idMarker, 'Invalid uploadId marker')
    return { key: keyMarker, number: rows[0].number }
  }
  const key = resumeAfter(keyMarker, prefix, delimiter)
  if (key === null) return null
  return { key: compareBytes(key, prefix) < 0 ? prefix : key, number: beforeAll }
}

/** One more entry than a page holds, where there is one. After each common prefix the search goes on behind it. */
async function scan(db: Db, bucket: string, parameters: ListParameters, start: Cursor): Promise<Entry[]> {
  const entries: Entry[] = []
  let cursor: Cursor | null = start
  while (cursor !== null && entries.length <= parameters.max) {
    const rows = await readRows(db, bucket, parameters, cursor)
    const folded = rows.findIndex((row) => prefixOf(row, parameters) !== null)
    entries.push(...rows.slice(0, folded < 0 ? rows.length : folded).map(toEntry))
    if (folded < 0) break
    const name: string = prefixOf(rows[folded]!, parameters)!
    entries.push({ kind: 'prefix', name })
    const behind = afterPrefix(name)
    cursor = behind === null ? null : { key: behind, number: beforeAll }
  }
  return entries
}

async function readRows(db: Db, bucket: string, { prefix, max }: ListParameters, cursor: Cursor): Promise<Row[]> {
  const end = afterPrefix(prefix)
  const { rows } = await db.query<Row>(
    `SELECT id, key, number, checksum, created_at FROM s3_upload
     WHERE bucket = $1 AND (key, number) > ($2, $3) ${end === null ? '' : 'AND key < $5'}
     ORDER BY key, number LIMIT $4`,
    [bucket, cursor.key, cursor.number, max + 1, ...(end === null ? [] : [end])],
  )
  return rows
}

const prefixOf = ({ key }: Row, { prefix, delimiter }: ListParameters) => commonPrefixOf(key, prefix, delimiter)

function toEntry({ id, key, checksum, created_at }: Row): UploadEntry {
  return { kind: 'upload', name: key, id, checksum, createdAt: created_at }
}

function describe({ name, id, createdAt, checksum }: UploadEntry, encode: (name: string) => string, ownerId: string) {
  return {
    Key: encode(name),
    UploadId: id,
    Initiator: { ID: ownerId },
    Owner: { ID: ownerId },
    StorageClass: 'STANDARD',
    Initiated: createdAt,
    ChecksumAlgorithm: checksum?.algorithm,
    ChecksumType: checksum?.type,
  } satisfies Elements
}
