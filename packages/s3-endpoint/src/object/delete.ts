import { requireBucket } from '../bucket/record.ts'
import { readDocument } from '../body/read-document.ts'
import type { Context } from '../context.ts'
import { S3Error, invalidRequest } from '../errors.ts'
import { checkKey } from '../request.ts'
import type { S3Request, S3Response } from '../request.ts'
import { childrenOf, parseXml, textOf } from '../xml/parse.ts'
import type { Element } from '../xml/parse.ts'
import { writeXml } from '../xml/write.ts'
import { readDeleteCondition, unquote } from './conditions.ts'
import { deleteObject, findObject, gateName } from './record.ts'
import type { DeleteCondition } from './record.ts'

/** DeleteObject: gone afterwards, and no error if it never was there. */
export async function deleteOne(context: Context, { bucket, key, headers }: S3Request): Promise<S3Response> {
  await requireBucket(context.db, bucket)
  await remove(context, { bucket, key }, readDeleteCondition(headers))
  return { status: 204 }
}

/** DeleteObjects: up to 1,000 keys, each with its own outcome. */
export async function deleteMany(context: Context, request: S3Request): Promise<S3Response> {
  const root = parseXml(await readChecked(request), 'Delete')
  const entries = childrenOf(root, 'Object').map(readEntry)
  if (entries.length === 0 || entries.length > keysMax) throw new S3Error('MalformedXML')
  await requireBucket(context.db, request.bucket)
  const outcomes = []
  for (const entry of entries) outcomes.push(await tryRemove(context, request.bucket, entry))
  const quiet = textOf(root, 'Quiet') === 'true'
  return {
    status: 200,
    document: writeXml('DeleteResult', {
      Deleted: quiet ? [] : outcomes.flatMap((outcome) => outcome.deleted),
      Error: outcomes.flatMap((outcome) => outcome.failed),
    }),
  }
}

interface Entry {
  readonly key: string
  readonly condition: DeleteCondition
}

const keysMax = 1000

/** A body that names what to destroy must come with a hash of it, as on Amazon S3. */
async function readChecked(request: S3Request): Promise<string> {
  const names = [...request.headers.keys()]
  const hashed = names.some((name) => name === 'content-md5' || /^x-amz-checksum-(?!algorithm)/.test(name))
  if (!hashed && request.payload.kind !== 'sha256')
    throw invalidRequest('Missing required header for this request: Content-MD5 OR x-amz-checksum-*')
  return readDocument(request)
}

function readEntry(element: Element): Entry {
  const key = textOf(element, 'Key')
  if (!key) throw new S3Error('MalformedXML')
  checkKey(key)
  const version = textOf(element, 'VersionId')
  if (version !== undefined && version !== '' && version !== 'null') throw new S3Error('NoSuchVersion')
  const etag = textOf(element, 'ETag')
  return { key, condition: { etag: etag === undefined ? undefined : unquote(etag) } }
}

async function tryRemove(context: Context, bucket: string, { key, condition }: Entry) {
  try {
    await remove(context, { bucket, key }, condition)
    return { deleted: [{ Key: key }], failed: [] }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    return { deleted: [], failed: [{ Key: key, Code: error.code, Message: error.message }] }
  }
}

/** @throws {S3Error} `PreconditionFailed` where an object is there that does not meet the condition */
async function remove(
  { db, files }: Context,
  at: { bucket: string; key: string },
  condition: DeleteCondition,
): Promise<void> {
  const removed = await deleteObject(db, at, condition)
  if (removed !== null) files.remove(removed, gateName(at.bucket, at.key))
  else if (Object.values(condition).some((value) => value !== undefined) && (await findObject(db, at.bucket, at.key)))
    throw new S3Error('PreconditionFailed', { Condition: 'If-Match' })
}
