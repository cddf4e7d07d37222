import { checksumHeaders } from '../body/checksum.ts'
import type { Context } from '../context.ts'
import { invalidArgument } from '../errors.ts'
import { isHeaderValue, toHeaderValue } from '../headers.ts'
import type { S3Request, S3Response } from '../request.ts'
import { isNotModified } from './conditions.ts'
import { readPartAsked, selectBytes } from './range.ts'
import type { Selection } from './range.ts'
import { lentChunks, readBytes } from './read-bytes.ts'
import { gateName, readObject } from './record.ts'
import type { ObjectRecord } from './record.ts'

/** GetObject: the whole object or one range of it. Who began to read finishes, whatever is written meanwhile. */
export async function getObject(context: Context, request: S3Request): Promise<S3Response> {
  readPartAsked(request)
  const release = context.files.gate.enter(gateName(request.bucket, request.key))
  try {
    const object = await readObject(context.db, request.bucket, request.key)
    if (isNotModified(request.headers, object, context.now())) return { ...notModified(object), release }
    const selection = selectBytes(request, object)
    const stream = readBytes(context.files, object, selection, lentChunks)
    return { ...describe(request, object, selection), stream, release }
  } catch (error) {
    release()
    throw error
  }
}

/** HeadObject: what GetObject would answer, without the bytes. */
export async function headObject({ db, now }: Context, request: S3Request): Promise<S3Response> {
  readPartAsked(request)
  const object = await readObject(db, request.bucket, request.key)
  if (isNotModified(request.headers, object, now())) return notModified(object)
  return describe(request, object, selectBytes(request, object))
}

function notModified(object: ObjectRecord): S3Response {
  return { status: 304, headers: { etag: `"${object.etag}"`, 'last-modified': object.modifiedAt.toUTCString() } }
}

function describe(
  { headers, query }: S3Request,
  object: ObjectRecord,
  { first, last, partial }: Selection,
): S3Response {
  const answer: Record<string, string | number> = {
    ...objectHeaders(object),
    ...overrides(query.pairs),
    'content-length': last - first + 1,
  }
  if (partial) answer['content-range'] = `bytes ${first}-${last}/${object.sizeBytes}`
  if (query.has('partNumber') && object.uploadId !== null) answer['x-amz-mp-parts-count'] = object.sizes.length
  if (!partial && headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED')
    Object.assign(answer, checksumHeaders(object.checksum))
  return { status: partial ? 206 : 200, headers: answer }
}

/** What every answer about an object says of it. */
export function objectHeaders(object: ObjectRecord): Record<string, string | number> {
  const tagging = Object.keys(object.tags).length
  return {
    ...object.headers,
    etag: `"${object.etag}"`,
    'last-modified': object.modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
    'x-amz-storage-class': 'STANDARD',
    ...(tagging > 0 ? { 'x-amz-tagging-count': tagging } : {}),
  }
}

const overridable = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]

/** `response-content-type=…` and its like: what the reader wants to be told instead of what is stored. */
function overrides(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const chosen: Record<string, string> = {}
  for (const [name, value] of pairs) {
    const header = name.replace(/^response-/, '')
    if (header === name || !overridable.includes(header)) continue
    if (!isHeaderValue(value)) throw invalidArgument(name, value, 'Invalid header value.')
    chosen[header] = toHeaderValue(value)
  }
  return chosen
}
