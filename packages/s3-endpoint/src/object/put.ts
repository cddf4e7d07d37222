import { readExpectations } from '../body/expect.ts'
import { storeBody } from '../body/store.ts'
import type { StoredBytes } from '../body/store.ts'
import { checksumHeaders } from '../body/checksum.ts'
import type { Context } from '../context.ts'
import { toMaybeKept } from '../files/maybe-kept.ts'
import { S3Error } from '../errors.ts'
import { checkObjectSize } from '../limits.ts'
import type { S3Request, S3Response } from '../request.ts'
import { requireBucket } from '../bucket/record.ts'
import { readWriteCondition } from './conditions.ts'
import { findObject, gateName, writeObject } from './record.ts'
import type { ObjectRecord, WriteCondition } from './record.ts'
import { readStoredHeaders } from './stored-headers.ts'
import { readTagHeader } from './tags.ts'

/** PutObject: an object is visible, whole, once this has answered; until then what was there before stays. */
export async function putObject(context: Context, request: S3Request): Promise<S3Response> {
  const { bucket, key } = request
  const condition = readWriteCondition(request.headers)
  const headers = readStoredHeaders(request.headers)
  const tags = readTagHeader(request.headers)
  await checkEarly(context, request, condition)
  const expected = readExpectations(request.headers, request.payload)
  checkObjectSize(expected.sizeBytes, context.limits)
  const stored = await context.quota.withRoom(bucket, expected.sizeBytes, () =>
    context.files.withNewFile(async (file) => {
      const bytes = await storeBody(request, expected, file)
      const object = recordOf(bytes, { headers, tags, modifiedAt: new Date(context.now()) })
      await commitObject(context, { bucket, key }, object, condition)
      return bytes
    }),
  )
  return {
    status: 200,
    headers: {
      etag: `"${stored.etag}"`,
      'x-amz-object-size': stored.sizeBytes,
      ...checksumHeaders(stored.told),
    },
  }
}

/** An object of one file. */
export function recordOf(
  { file, sizeBytes, etag, checksum }: StoredBytes,
  rest: Pick<ObjectRecord, 'headers' | 'tags' | 'modifiedAt'>,
): ObjectRecord {
  return { files: [file], sizes: [sizeBytes], sizeBytes, etag, checksum, uploadId: null, ...rest }
}

/**
 * Writes the object's row and lets the files of the version it replaced go.
 *
 * @throws {S3Error} where the condition does not hold or the bucket is gone
 * @throws {MaybeKept} where the database's answer did not arrive: the row may be there, so its file has to stay
 */
export async function commitObject(
  { db, files }: Context,
  at: { bucket: string; key: string },
  object: ObjectRecord,
  condition: WriteCondition,
): Promise<void> {
  const replaced = await writeObject(db, at, object, condition).catch(toMaybeKept)
  files.remove(replaced, gateName(at.bucket, at.key))
}

/** Refuses before the body is read what would be refused after it; the row's own statement decides in the end. */
async function checkEarly({ db }: Context, { bucket, key }: S3Request, condition: WriteCondition): Promise<void> {
  if (condition.kind === 'any') return requireBucket(db, bucket)
  const object = await findObject(db, bucket, key)
  if (condition.kind === 'absent' && object !== null)
    throw new S3Error('PreconditionFailed', { Condition: 'If-None-Match' })
  if (condition.kind === 'match' && object === null) throw new S3Error('NoSuchKey', { Key: key })
  if (condition.kind === 'match' && object?.etag !== condition.etag)
    throw new S3Error('PreconditionFailed', { Condition: 'If-Match' })
}
