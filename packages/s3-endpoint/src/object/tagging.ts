import { readDocument } from '../body/read-document.ts'
import type { Context } from '../context.ts'
import { S3Error } from '../errors.ts'
import type { S3Request, S3Response } from '../request.ts'
import { writeXml } from '../xml/write.ts'
import { readObject } from './record.ts'
import { readTagDocument, tagElements } from './tags.ts'
import type { Tags } from './tags.ts'

/** GetObjectTagging. */
export async function getTags({ db }: Context, { bucket, key }: S3Request): Promise<S3Response> {
  const { tags } = await readObject(db, bucket, key)
  return { status: 200, document: writeXml('Tagging', tagElements(tags)) }
}

/** PutObjectTagging: replaces all tags. */
export async function putTags(context: Context, request: S3Request): Promise<S3Response> {
  await setTags(context, request, readTagDocument(await readDocument(request), 'object'))
  return { status: 200 }
}

/** DeleteObjectTagging. */
export async function deleteTags(context: Context, request: S3Request): Promise<S3Response> {
  await setTags(context, request, {})
  return { status: 204 }
}

async function setTags({ db }: Context, { bucket, key }: S3Request, tags: Tags): Promise<void> {
  const update = 'UPDATE s3_object SET tags = $3 WHERE bucket = $1 AND key = $2'
  const { rowCount } = await db.query(update, [bucket, key, tags])
  if (rowCount === 1) return
  await readObject(db, bucket, key)
  // The object appeared between the two statements: the client retries as after any lost race.
  throw new S3Error('NoSuchKey', { Key: key })
}
