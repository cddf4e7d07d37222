import { checksumHeaders, findAlgorithm } from '../body/checksum.ts'
import type { ChecksumAlgorithm } from '../body/checksum.ts'
import { readChecksum, readExpectations } from '../body/expect.ts'
import { algorithmDefault, storeBody, storeCopy } from '../body/store.ts'
import type { StoredBytes } from '../body/store.ts'
import type { Context } from '../context.ts'
import { invalidArgument, invalidRequest } from '../errors.ts'
import type { NewFile } from '../files/file-store.ts'
import { toMaybeKept } from '../files/maybe-kept.ts'
import type { Headers } from '../headers.ts'
import { wholeOf, withSource } from '../object/copy-source.ts'
import { describeCopy } from '../object/copy.ts'
import { readPartNumber } from '../object/range.ts'
import type { Range } from '../object/range.ts'
import { checkObjectSize } from '../limits.ts'
import type { ObjectRecord } from '../object/record.ts'
import type { S3Request, S3Response } from '../request.ts'
import { readSizeBeside, readUpload, writePart } from './record.ts'
import type { UploadRecord } from './record.ts'

/** UploadPart: sent again, the later one counts. */
export async function uploadPart(context: Context, request: S3Request): Promise<S3Response> {
  const number = readPartNumber(request.query.get('partNumber'))
  const upload = await readUpload(context.db, request)
  checkAlgorithm(request.headers, upload)
  const expected = readExpectations(request.headers, request.payload)
  const at = { bucket: request.bucket, upload, number, sizeBytes: expected.sizeBytes }
  const stored = await withRoomForPart(context, at, async (file) => {
    const bytes = await storeBody(request, expected, file, keptAlgorithm(upload))
    await commitPart(context, upload, number, bytes)
    return bytes
  })
  const { 'x-amz-checksum-type': _, ...checksum } = checksumHeaders(stored.told)
  return { status: 200, headers: { etag: `"${stored.etag}"`, ...checksum } }
}

/** UploadPartCopy: a part from an object's bytes, or from a range of them. */
export async function copyPart(context: Context, request: S3Request): Promise<S3Response> {
  const number = readPartNumber(request.query.get('partNumber'))
  const upload = await readUpload(context.db, request)
  return withSource(context, request.headers, (source, read) => {
    const range = readCopyRange(request.headers.get('x-amz-copy-source-range'), source)
    const at = { bucket: request.bucket, upload, number, sizeBytes: range.last - range.first + 1 }
    return withRoomForPart(context, at, async (file) => {
      const bytes = await storeCopy(read(range), file, keptAlgorithm(upload))
      const modifiedAt = await commitPart(context, upload, number, bytes)
      const checksum = upload.checksum === null ? undefined : bytes.checksum
      return { status: 200, document: describeCopy('CopyPartResult', { ...bytes, checksum, modifiedAt }) }
    })
  })
}

interface PartPlace {
  readonly bucket: string
  readonly upload: UploadRecord
  readonly number: number
  readonly sizeBytes: number
}

/** Runs `work` with a new file once it is sure that the part fits its object and its bucket. */
async function withRoomForPart<T>(
  { db, files, limits, quota }: Context,
  { bucket, upload, number, sizeBytes }: PartPlace,
  work: (file: NewFile) => Promise<T>,
): Promise<T> {
  checkObjectSize((await readSizeBeside(db, upload.id, number)) + sizeBytes, limits)
  return quota.withRoom(bucket, sizeBytes, () => files.withNewFile(work))
}

/** Parts carry the checksum from which the whole object's is made. */
function keptAlgorithm(upload: UploadRecord): ChecksumAlgorithm {
  return upload.checksum?.algorithm ?? algorithmDefault
}

async function commitPart({ db, files, now }: Context, upload: UploadRecord, number: number, bytes: StoredBytes) {
  const modifiedAt = new Date(now())
  const replaced = await writePart(db, upload.id, { number, ...bytes, modifiedAt }).catch(toMaybeKept)
  files.remove(replaced, upload.id)
  return modifiedAt
}

/** An upload whose parts are checked one by one takes no part without its checksum, nor with another's. */
function checkAlgorithm(headers: Headers, { checksum }: UploadRecord): void {
  if (checksum === null) return
  const sent = readChecksum(headers)?.algorithm ?? findAlgorithm(headers.get('x-amz-sdk-checksum-algorithm') ?? '')
  if (sent === checksum.algorithm || (sent === undefined && checksum.type === 'FULL_OBJECT')) return
  throw invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${checksum.algorithm}, actual checksum Type: ${sent ?? 'null'}`,
  )
}

function readCopyRange(text: string | undefined, source: ObjectRecord): Range {
  if (text === undefined) return wholeOf(source)
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text)
  const [first, last] = [Number(match?.[1]), Number(match?.[2])]
  if (match === null || first > last)
    throw invalidArgument(
      'x-amz-copy-source-range',
      text,
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  if (last >= source.sizeBytes)
    throw invalidArgument(
      'x-amz-copy-source-range',
      text,
      `Range specified is not valid for source object of size: ${source.sizeBytes}`,
    )
  return { first, last }
}
