import type { Checksum, ChecksumAlgorithm, ChecksumType } from '../body/checksum.ts'
import { orMissing } from '../db.ts'
import type { Db } from '../db.ts'
import { S3Error } from '../errors.ts'
import type { S3Request } from '../request.ts'

/** A multipart upload that is neither completed nor aborted. */
export interface UploadRecord {
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  /** What its creator asked to be checked, or null. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | null
  readonly tags: Readonly<Record<string, string>>
  readonly createdAt: Date
}

/** A part of an upload. */
export interface PartRecord {
  /** 1 to 10,000; gaps are allowed. */
  readonly number: number
  readonly file: string
  readonly sizeBytes: number
  readonly etag: string
  readonly checksum: Checksum
  readonly modifiedAt: Date
}

interface UploadRow {
  id: string
  headers: Record<string, string>
  checksum: UploadRecord['checksum']
  tags: Record<string, string>
  created_at: Date
}

interface PartRow {
  number: number
  file: string
  size_bytes: string
  etag: string
  checksum: Checksum
  modified_at: Date
}

/** The id in an upload's address: one that is no UUID names no upload. @throws {S3Error} `NoSuchUpload` */
export function readUploadId({ query }: S3Request): string {
  const id = query.get('uploadId') ?? ''
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw noSuchUpload(id)
  return id
}

/**
 * The upload of that address.
 * @throws {S3Error} `NoSuchBucket`, `NoSuchUpload`
 */
export async function readUpload(db: Db, request: S3Request): Promise<UploadRecord> {
  const upload = await findUpload(db, request)
  if (upload === null) throw noSuchUpload(readUploadId(request))
  return upload
}

/**
 * The upload of that address, or null.
 * @param lock Holds it until the transaction ends: parts cannot be added meanwhile.
 * @throws {S3Error} `NoSuchBucket`, `NoSuchUpload` for what is no upload's id
 */
export async function findUpload(db: Db, request: S3Request, lock = false): Promise<UploadRecord | null> {
  const { bucket, key } = request
  const buckets = await db.query('SELECT 1 FROM s3_bucket WHERE name = $1', [bucket])
  if (buckets.rowCount === 0) throw new S3Error('NoSuchBucket', { BucketName: bucket })
  const { rows } = await db.query<UploadRow>(
    `SELECT * FROM s3_upload WHERE id = $1 AND bucket = $2 AND key = $3 ${lock ? 'FOR UPDATE' : ''}`,
    [readUploadId(request), bucket, key],
  )
  const row = rows[0]
  return row === undefined ? null : { ...row, createdAt: row.created_at }
}

/** Parts in the order of their numbers, above `after`, at most `limit`. */
export async function readParts(
  db: Db,
  uploadId: string,
  { after = 0, limit }: { after?: number; limit?: number } = {},
): Promise<PartRecord[]> {
  const { rows } = await db.query<PartRow>(
    'SELECT * FROM s3_part WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3',
    [uploadId, after, limit ?? null],
  )
  return rows.map((row) => ({ ...row, sizeBytes: Number(row.size_bytes), modifiedAt: row.modified_at }))
}

/** Bytes of an upload's parts beside the one of that number, which may be about to be replaced. */
export async function readSizeBeside(db: Db, uploadId: string, number: number): Promise<number> {
  const { rows } = await db.query<{ bytes: string }>(
    'SELECT coalesce(sum(size_bytes), 0) AS bytes FROM s3_part WHERE upload_id = $1 AND number <> $2',
    [uploadId, number],
  )
  return Number(rows[0]!.bytes)
}

/**
 * Puts a part in its place.
 * @returns The file of the part that it replaced, if any.
 * @throws {S3Error} `NoSuchUpload` where the upload ended meanwhile
 */
export async function writePart(db: Db, uploadId: string, part: PartRecord): Promise<readonly string[]> {
  const { number, file, sizeBytes, etag, checksum, modifiedAt } = part
  const { rows } = await orMissing(
    db.query<{ replaced: string | null }>(
      `INSERT INTO s3_part (upload_id, number, file, size_bytes, etag, checksum, modified_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (upload_id, number) DO UPDATE SET replaced = s3_part.file, file = EXCLUDED.file,
         size_bytes = EXCLUDED.size_bytes, etag = EXCLUDED.etag, checksum = EXCLUDED.checksum,
         modified_at = EXCLUDED.modified_at
       RETURNING replaced`,
      [uploadId, number, file, sizeBytes, etag, checksum, modifiedAt],
    ),
    () => noSuchUpload(uploadId),
  )
  const replaced = rows[0]!.replaced
  return replaced === null ? [] : [replaced]
}

export function noSuchUpload(id: string): S3Error {
  return new S3Error('NoSuchUpload', { UploadId: id })
}
