import type { Checksum } from '../body/checksum.ts'
import { orMissing } from '../db.ts'
import type { Db } from '../db.ts'
import { S3Error } from '../errors.ts'

/** An object as it is stored. */
export interface ObjectRecord {
  /** Files whose bytes, one after another, are the object's. */
  readonly files: readonly string[]
  /** Bytes of each file. */
  readonly sizes: readonly number[]
  readonly sizeBytes: number
  readonly etag: string
  /** Response headers that came with the upload: content-type and its like, and `x-amz-meta-*`. */
  readonly headers: Readonly<Record<string, string>>
  readonly checksum: Checksum
  readonly tags: Readonly<Record<string, string>>
  /** The multipart upload that made it, or null. */
  readonly uploadId: string | null
  readonly modifiedAt: Date
}

/** What must be true of the object under the key for a write to happen. */
export type WriteCondition =
  { readonly kind: 'any' } | { readonly kind: 'absent' } | { readonly kind: 'match'; readonly etag: string }

/** What must be true of an object for its deletion to happen; what is undefined holds for any. */
export interface DeleteCondition {
  readonly etag?: string | undefined
  readonly sizeBytes?: number | undefined
  /** To the second. */
  readonly modifiedAt?: Date | undefined
}

interface Row {
  files: string[]
  sizes: string[]
  size_bytes: string
  etag: string
  headers: Record<string, string>
  checksum: Checksum
  tags: Record<string, string>
  upload_id: string | null
  modified_at: Date
}

/**
 * The object under a key.
 * @throws {S3Error} `NoSuchBucket`, `NoSuchKey`
 */
export async function readObject(db: Db, bucket: string, key: string): Promise<ObjectRecord> {
  const object = await findObject(db, bucket, key)
  if (object === null) throw new S3Error('NoSuchKey', { Key: key })
  return object
}

/**
 * The object under a key, or null.
 * @throws {S3Error} `NoSuchBucket`
 */
export async function findObject(db: Db, bucket: string, key: string): Promise<ObjectRecord | null> {
  const { rows } = await db.query<Row | { files: null }>(
    `SELECT o.* FROM s3_bucket b LEFT JOIN s3_object o ON o.bucket = b.name AND o.key = $2 WHERE b.name = $1`,
    [bucket, key],
  )
  const row = rows[0]
  if (row === undefined) throw new S3Error('NoSuchBucket', { BucketName: bucket })
  return row.files === null ? null : toRecord(row)
}

/**
 * Puts an object under a key if the condition holds, in one statement: of writers that race, one wins.
 *
 * @returns Files of the version that it replaced: no row names them any more.
 * @throws {S3Error} `NoSuchBucket`, `PreconditionFailed`, `NoSuchKey` where there is nothing that could match
 */
export async function writeObject(
  db: Db,
  at: { bucket: string; key: string },
  object: ObjectRecord,
  condition: WriteCondition,
): Promise<readonly string[]> {
  const values = [at.bucket, at.key, ...columnsOf(object)]
  const { rows } = await orMissing(
    condition.kind === 'match'
      ? db.query<{ replaced: string[] | null }>(updateSql, [...values, condition.etag])
      : db.query<{ replaced: string[] | null }>(condition.kind === 'any' ? upsertSql : insertSql, values),
    () => new S3Error('NoSuchBucket', { BucketName: at.bucket }),
  )
  if (rows[0] !== undefined) return rows[0].replaced ?? []
  if (condition.kind === 'match') await readObject(db, at.bucket, at.key)
  throw new S3Error('PreconditionFailed', { Condition: condition.kind === 'match' ? 'If-Match' : 'If-None-Match' })
}

const columns = 'files, sizes, size_bytes, etag, headers, checksum, tags, upload_id, modified_at'
const parameters = '$3, $4, $5, $6, $7, $8, $9, $10, $11'
const insertInto = `INSERT INTO s3_object (bucket, key, ${columns}) VALUES ($1, $2, ${parameters})`
const insertSql = `${insertInto} ON CONFLICT (bucket, key) DO NOTHING RETURNING replaced`
const upsertSql = `${insertInto}
  ON CONFLICT (bucket, key) DO UPDATE SET replaced = s3_object.files, (${columns}) =
    (${columns.replace(/(\w+)/g, 'EXCLUDED.$1')})
  RETURNING replaced`
const updateSql = `UPDATE s3_object SET replaced = files, (${columns}) = (${parameters})
  WHERE bucket = $1 AND key = $2 AND etag = $12
  RETURNING replaced`

function columnsOf(object: ObjectRecord): unknown[] {
  const { files, sizes, sizeBytes, etag, headers, checksum, tags, uploadId, modifiedAt } = object
  return [files, sizes, sizeBytes, etag, headers, checksum, tags, uploadId, modifiedAt]
}

/**
 * Removes an object if the condition holds, in one statement.
 * @returns Its files, or null where there was none that met the condition.
 */
export async function deleteObject(
  db: Db,
  at: { bucket: string; key: string },
  condition: DeleteCondition = {},
): Promise<readonly string[] | null> {
  const { rows } = await db.query<{ files: string[] }>(
    `DELETE FROM s3_object WHERE bucket = $1 AND key = $2
       AND ($3::text IS NULL OR etag = $3) AND ($4::bigint IS NULL OR size_bytes = $4)
       AND ($5::timestamptz IS NULL OR date_trunc('second', modified_at) = $5)
     RETURNING files`,
    [at.bucket, at.key, condition.etag ?? null, condition.sizeBytes ?? null, condition.modifiedAt ?? null],
  )
  return rows[0]?.files ?? null
}

/** Under what name readers of an object's bytes enter the files' gate. */
export function gateName(bucket: string, key: string): string {
  return `${bucket}/${key}`
}

function toRecord(row: Row): ObjectRecord {
  return {
    files: row.files,
    sizes: row.sizes.map(Number),
    sizeBytes: Number(row.size_bytes),
    etag: row.etag,
    headers: row.headers,
    checksum: row.checksum,
    tags: row.tags,
    uploadId: row.upload_id,
    modifiedAt: row.modified_at,
  }
}
