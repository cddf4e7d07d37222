import { checksumElement } from '../body/checksum.ts'
import type { Checksum, ChecksumAlgorithm } from '../body/checksum.ts'
import { requireAlgorithm } from '../body/expect.ts'
import { storeCopy } from '../body/store.ts'
import { requireBucket } from '../bucket/record.ts'
import type { Context } from '../context.ts'
import { invalidArgument, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { checkObjectSize } from '../limits.ts'
import type { S3Request, S3Response } from '../request.ts'
import { writeXml } from '../xml/write.ts'
import { readWriteCondition } from './conditions.ts'
import { readCopySource, wholeOf, withSource } from './copy-source.ts'
import { commitObject, recordOf } from './put.ts'
import type { ObjectRecord } from './record.ts'
import { readStoredHeaders } from './stored-headers.ts'
import { readTagHeader } from './tags.ts'

/** CopyObject: a new object of its own bytes, so that neither depends on the other afterwards. */
export async function copyObject(context: Context, request: S3Request): Promise<S3Response> {
  const { bucket, key, headers } = request
  const condition = readWriteCondition(headers)
  const change = readChange(headers)
  refuseCopyToItself(request, change)
  await requireBucket(context.db, bucket)
  return withSource(context, headers, (source, read) => {
    const whole = wholeOf(source)
    checkObjectSize(source.sizeBytes, context.limits)
    return context.quota.withRoom(bucket, source.sizeBytes, () =>
      context.files.withNewFile(async (file) => {
        const algorithm = change.algorithm ?? source.checksum.algorithm
        const bytes = await storeCopy(read(whole), file, algorithm)
        const modifiedAt = new Date(context.now())
        const rest = { headers: change.headers(source), tags: change.tags(source), modifiedAt }
        await commitObject(context, { bucket, key }, recordOf(bytes, rest), condition)
        return { status: 200, document: describeCopy('CopyObjectResult', { ...bytes, modifiedAt }) }
      }),
    )
  })
}

/** The document that answers a copy, of an object or into a part. */
export function describeCopy(
  name: 'CopyObjectResult' | 'CopyPartResult',
  { etag, modifiedAt, checksum }: { etag: string; modifiedAt: Date; checksum: Checksum | undefined },
): string {
  return writeXml(name, {
    ETag: `"${etag}"`,
    LastModified: modifiedAt,
    ...(checksum && { [checksumElement(checksum.algorithm)]: checksum.value }),
    ChecksumType: name === 'CopyObjectResult' ? checksum?.type : undefined,
  })
}

/** What the copy is to have of its own instead of the source's. */
interface Change {
  readonly algorithm: ChecksumAlgorithm | undefined
  readonly headers: (source: ObjectRecord) => Record<string, string>
  readonly tags: (source: ObjectRecord) => ObjectRecord['tags']
  readonly isNone: boolean
}

const redirect = 'x-amz-website-redirect-location'

function readChange(headers: Headers): Change {
  const replaceHeaders = readDirective(headers, 'x-amz-metadata-directive', 'Unknown metadata directive.')
  const replaceTags = readDirective(headers, 'x-amz-tagging-directive', 'Unknown tagging directive.')
  const own = readStoredHeaders(headers)
  const tags = replaceTags ? readTagHeader(headers) : null
  const algorithm = readAlgorithm(headers)
  return {
    algorithm,
    tags: (source) => tags ?? source.tags,
    headers(source) {
      if (replaceHeaders) return own
      const { [redirect]: _, ...kept } = source.headers
      return own[redirect] === undefined ? kept : { ...kept, [redirect]: own[redirect] }
    },
    isNone: !replaceHeaders && algorithm === undefined && own[redirect] === undefined,
  }
}

function readDirective(headers: Headers, name: string, complaint: string): boolean {
  const value = headers.get(name) ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE') throw invalidArgument(name, value, complaint)
  return value === 'REPLACE'
}

function readAlgorithm(headers: Headers): ChecksumAlgorithm | undefined {
  const name = headers.get('x-amz-checksum-algorithm')
  return name === undefined ? undefined : requireAlgorithm(name)
}

function refuseCopyToItself({ bucket, key, headers }: S3Request, change: Change): void {
  const source = readCopySource(headers)
  if (source.bucket === bucket && source.key === key && change.isNone)
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
}
