import { randomUUID } from 'node:crypto'
import { algorithms } from '../body/checksum.ts'
import type { ChecksumType } from '../body/checksum.ts'
import { requireAlgorithm } from '../body/expect.ts'
import type { Context } from '../context.ts'
import { orMissing } from '../db.ts'
import { S3Error, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { readStoredHeaders } from '../object/stored-headers.ts'
import { readTagHeader } from '../object/tags.ts'
import type { S3Request, S3Response } from '../request.ts'
import { writeXml } from '../xml/write.ts'
import type { UploadRecord } from './record.ts'

/** CreateMultipartUpload. */
export async function createUpload({ db, now }: Context, request: S3Request): Promise<S3Response> {
  const { bucket, key, headers } = request
  const id = randomUUID()
  const checksum = readChecksum(headers)
  await orMissing(
    db.query(
      `INSERT INTO s3_upload (id, bucket, key, headers, checksum, tags, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [id, bucket, key, readStoredHeaders(headers), checksum, readTagHeader(headers), new Date(now())],
    ),
    () => new S3Error('NoSuchBucket', { BucketName: bucket }),
  )
  return {
    status: 200,
    headers: checksum ? { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type } : {},
    document: writeXml('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: id }),
  }
}

function readChecksum(headers: Headers): UploadRecord['checksum'] {
  const name = headers.get('x-amz-checksum-algorithm')
  const type = headers.get('x-amz-checksum-type')
  if (type !== undefined) requireType(type)
  if (name === undefined) {
    if (type === undefined) return null
    throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.')
  }
  const algorithm = requireAlgorithm(name)
  const possible: readonly ChecksumType[] = algorithms[algorithm].types
  const chosen = type === undefined ? possible[0]! : requireType(type)
  if (possible.includes(chosen)) return { algorithm, type: chosen }
  throw invalidRequest(
    `The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  )
}

/** @throws {S3Error} `InvalidRequest` */
export function requireType(text: string): ChecksumType {
  const type = text.toUpperCase()
  if (type === 'FULL_OBJECT' || type === 'COMPOSITE') return type
  throw invalidRequest('Value for x-amz-checksum-type header is invalid.')
}
