import { bodyMaxBytes } from '../body/expect.ts'
import { isBucketName } from '../bucket/name.ts'
import type { Context } from '../context.ts'
import { S3Error, invalidArgument, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { checkKey } from '../request.ts'
import { isNotModified } from './conditions.ts'
import type { Range } from './range.ts'
import { ownChunks, readBytes } from './read-bytes.ts'
import { gateName, readObject } from './record.ts'
import type { ObjectRecord } from './record.ts'

export interface Source {
  readonly bucket: string
  readonly key: string
}

/**
 * Gives `work` the source of a copy and its bytes; the bytes stay readable until it ends.
 * @throws {S3Error} where the source is not there, its conditions do not hold, or it is too large for one copy
 */
export async function withSource<T>(
  { db, files, now }: Context,
  headers: Headers,
  work: (object: ObjectRecord, read: (range: Range) => AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const { bucket, key } = readCopySource(headers)
  const leave = files.gate.enter(gateName(bucket, key))
  try {
    const object = await readObject(db, bucket, key)
    if (isNotModified(headers, object, now(), 'x-amz-copy-source-'))
      throw new S3Error('PreconditionFailed', { Condition: 'x-amz-copy-source-If-None-Match' })
    return await work(object, (range) => readBytes(files, object, range, ownChunks))
  } finally {
    leave()
  }
}

/** The whole object as a range to copy. @throws {S3Error} `InvalidRequest` where it is too large for one copy */
export function wholeOf({ sizeBytes }: ObjectRecord): Range {
  if (sizeBytes > bodyMaxBytes)
    throw invalidRequest(
      `The specified copy source is larger than the maximum allowable size for a copy source: ${bodyMaxBytes}`,
    )
  return { first: 0, last: sizeBytes - 1 }
}

/** @throws {S3Error} `InvalidArgument`, `NoSuchVersion` */
export function readCopySource(headers: Headers): Source {
  const header = headers.get('x-amz-copy-source')!
  const [path, version] = header.split('?versionId=')
  if (version !== undefined && version !== 'null') throw new S3Error('NoSuchVersion')
  const decoded = decode(path!).replace(/^\//, '')
  const slash = decoded.indexOf('/')
  const [bucket, key] = slash < 0 ? [decoded, ''] : [decoded.slice(0, slash), decoded.slice(slash + 1)]
  if (!isBucketName(bucket)) throw wrong('Invalid copy source bucket name', decoded)
  if (key === '') throw wrong('Invalid copy source object key', '')
  checkKey(key)
  return { bucket, key }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('Invalid copy source encoding', text)
  }
}

function wrong(message: string, value: string) {
  return invalidArgument('x-amz-copy-source', value, message)
}
