import type { Db } from '../db.ts'
import { S3Error } from '../errors.ts'

/** @throws {S3Error} `NoSuchBucket` */
export async function requireBucket(db: Db, bucket: string): Promise<void> {
  const { rowCount } = await db.query('SELECT 1 FROM s3_bucket WHERE name = $1', [bucket])
  if (rowCount === 0) throw new S3Error('NoSuchBucket', { BucketName: bucket })
}
