import { algorithmNames, checksumElement, checksumHeader, isChecksumValue } from '../body/checksum.ts'
import type { ChecksumAlgorithm } from '../body/checksum.ts'
import { combineChecksums, combineEtags } from '../body/combine.ts'
import { readDocument } from '../body/read-document.ts'
import { algorithmDefault } from '../body/store.ts'
import type { Context } from '../context.ts'
import { inTransaction } from '../db.ts'
import { S3Error, invalidArgument, invalidRequest } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { readWriteCondition, unquote } from '../object/conditions.ts'
import { findObject, gateName, writeObject } from '../object/record.ts'
import { checkObjectSize } from '../limits.ts'
import type { ObjectRecord } from '../object/record.ts'
import type { S3Request, S3Response } from '../request.ts'
import { encodePath } from '../uri.ts'
import { childrenOf, parseXml, textOf } from '../xml/parse.ts'
import type { Element } from '../xml/parse.ts'
import { writeXml } from '../xml/write.ts'
import { requireType } from './create.ts'
import { findUpload, noSuchUpload, readParts, readUploadId } from './record.ts'
import type { PartRecord, UploadRecord } from './record.ts'

/** The smallest part that is not the last, as on Amazon S3. */
const partMinBytes = 5 * 1024 * 1024

/**
 * CompleteMultipartUpload: the parts' files become the object's; no byte is copied. Completing again what is already
 * complete answers the same, so a client that lost the first answer may ask once more.
 */
export async function completeUpload(context: Context, request: S3Request): Promise<S3Response> {
  const id = readUploadId(request)
  const asked = readCompletion(await readDocument({ ...request, headers: withoutChecksum(request.headers) }))
  const condition = readWriteCondition(request.headers)
  const final = readFinalChecksum(request.headers)
  const { object, unused } = await inTransaction(context.db, async (db) => {
    const upload = await findUpload(db, request, true)
    if (upload === null) return { object: await findCompleted(db, request, id), unused: [] }
    const parts = await readParts(db, id)
    const chosen = asked.map((part) => choosePart(upload, part, parts))
    checkSizes(chosen)
    const made = await assemble(upload, chosen, new Date(context.now()))
    // Parts that arrived at once were each checked without the other.
    checkObjectSize(made.sizeBytes, context.limits)
    checkFinal(request.headers, final, upload, made)
    const replaced = await writeObject(db, request, made, condition)
    await db.query('DELETE FROM s3_upload WHERE id = $1', [id])
    const left = parts.filter((part) => !chosen.includes(part)).map((part) => part.file)
    return { object: made, unused: [...replaced, ...left] }
  })
  context.files.remove(unused, gateName(request.bucket, request.key))
  return { status: 200, document: describe(context, request, object) }
}

interface AskedPart {
  readonly number: number
  readonly etag: string
  readonly checksums: readonly { readonly algorithm: ChecksumAlgorithm; readonly value: string }[]
}

function readCompletion(source: string): AskedPart[] {
  const parts = childrenOf(parseXml(source, 'CompleteMultipartUpload'), 'Part').map(readPart)
  if (parts.length === 0 || parts.length > 10_000) throw new S3Error('MalformedXML')
  if (parts.some((part, i) => i > 0 && part.number <= parts[i - 1]!.number)) throw new S3Error('InvalidPartOrder')
  return parts
}

function readPart(element: Element): AskedPart {
  const [number, etag] = [textOf(element, 'PartNumber'), textOf(element, 'ETag')]
  if (number === undefined || etag === undefined || !/^-?\d{1,9}$/.test(number)) throw new S3Error('MalformedXML')
  if (Number(number) < 1) throw invalidArgument('PartNumber', number, 'PartNumber must be >= 1')
  const checksums = algorithmNames.flatMap((algorithm) => {
    const value = textOf(element, checksumElement(algorithm))
    return value === undefined ? [] : [{ algorithm, value }]
  })
  return { number: Number(number), etag: unquote(etag), checksums }
}

function choosePart(upload: UploadRecord, asked: AskedPart, parts: readonly PartRecord[]): PartRecord {
  checkPartChecksums(asked, upload)
  const part = parts.find(({ number }) => number === asked.number)
  const [said] = asked.checksums
  if (upload.checksum && said && said.algorithm !== upload.checksum.algorithm)
    throw new S3Error(
      'BadDigest',
      {},
      `The ${said.algorithm.toLowerCase()} you specified for part ${asked.number} did not match what we received.`,
    )
  const differs = said?.algorithm === part?.checksum.algorithm && said?.value !== part?.checksum.value
  if (part?.etag === asked.etag && (said === undefined || !differs)) return part
  throw new S3Error('InvalidPart', { UploadId: upload.id, PartNumber: asked.number, ETag: asked.etag })
}

function checkPartChecksums({ number, checksums }: AskedPart, { checksum }: UploadRecord): void {
  if (checksums.length > 1 || checksums.some(({ algorithm, value }) => !isChecksumValue(algorithm, value))) {
    const value =
      checksums.length > 1 ? checksums.map((one) => `${one.algorithm}:${one.value};`).join('') : checksums[0]!.value
    throw invalidArgument('Checksum', value, 'Invalid Base64 or multiple checksums present in request')
  }
  if (checksum?.type === 'COMPOSITE' && checksums.length === 0)
    throw invalidRequest(
      `The upload was created using a ${checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    )
}

function checkSizes(parts: readonly PartRecord[]): void {
  for (const { number, etag, sizeBytes } of parts.slice(0, -1))
    if (sizeBytes < partMinBytes)
      throw new S3Error('EntityTooSmall', {
        ProposedSize: sizeBytes,
        MinSizeAllowed: partMinBytes,
        PartNumber: number,
        ETag: etag,
      })
}

async function assemble(upload: UploadRecord, parts: readonly PartRecord[], modifiedAt: Date): Promise<ObjectRecord> {
  const { algorithm, type } = upload.checksum ?? { algorithm: algorithmDefault, type: 'FULL_OBJECT' }
  const checksum = await combineChecksums(
    algorithm,
    type,
    parts.map((part) => ({ value: part.checksum.value, sizeBytes: part.sizeBytes })),
  )
  return {
    files: parts.map(({ file }) => file),
    sizes: parts.map(({ sizeBytes }) => sizeBytes),
    sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    etag: combineEtags(parts.map(({ etag }) => etag)),
    headers: upload.headers,
    checksum,
    tags: upload.tags,
    uploadId: upload.id,
    modifiedAt,
  }
}

interface FinalChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly header: string
  readonly value: string
}

/** What the client says of the whole object: at most one checksum. */
function readFinalChecksum(headers: Headers): FinalChecksum | undefined {
  const given = algorithmNames.flatMap((algorithm) => {
    const header = checksumHeader(algorithm)
    const value = headers.get(header)
    return value === undefined ? [] : [{ algorithm, header, value }]
  })
  if (given.length > 1)
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  return given[0]
}

/** Compares what the client says of the whole object with what its parts make. */
function checkFinal(
  headers: Headers,
  final: FinalChecksum | undefined,
  upload: UploadRecord,
  { sizeBytes, checksum }: ObjectRecord,
): void {
  const type = headers.get('x-amz-checksum-type')
  if (type !== undefined && requireType(type) !== checksum.type)
    throw invalidRequest(
      `The upload was created using the ${checksum.type} checksum mode. The complete request must use the same checksum mode.`,
    )
  checkSize(headers.get('x-amz-mp-object-size'), sizeBytes)
  if (final === undefined) return
  const bare = checksum.type === 'COMPOSITE' ? final.value.replace(/-\d+$/, '') : final.value
  if (!isChecksumValue(final.algorithm, bare)) throw invalidRequest(`Value for ${final.header} header is invalid.`)
  // An upload that was begun without a checksum takes any for its whole and compares none, as on Amazon S3.
  if (upload.checksum === null || final.algorithm !== checksum.algorithm || final.value === checksum.value) return
  throw new S3Error('BadDigest', {}, `The ${checksum.algorithm} you specified did not match the calculated checksum.`)
}

function checkSize(text: string | undefined, sizeBytes: number): void {
  if (text === undefined) return
  if (!/^-?\d{1,15}$/.test(text)) throw invalidRequest(`Value for x-amz-mp-object-size header is invalid: '${text}'`)
  if (Number(text) < 0) throw invalidRequest(`Value for x-amz-mp-object-size header is less than zero: '${text}'`)
  if (Number(text) !== sizeBytes)
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${text} does not match what was computed: ${sizeBytes}`,
    )
}

/** The document's own hash is not in those headers: here they speak of the object. */
function withoutChecksum(headers: Headers): Headers {
  return new Map([...headers].filter(([name]) => !name.startsWith('x-amz-checksum-')))
}

async function findCompleted(
  db: Parameters<typeof findObject>[0],
  { bucket, key }: S3Request,
  id: string,
): Promise<ObjectRecord> {
  const object = await findObject(db, bucket, key)
  if (object?.uploadId !== id) throw noSuchUpload(id)
  return object
}

function describe({ prefix }: Context, { bucket, key, headers }: S3Request, object: ObjectRecord): string {
  const scheme = headers.get('x-forwarded-proto') === 'https' ? 'https' : 'http'
  return writeXml('CompleteMultipartUploadResult', {
    Location: `${scheme}://${headers.get('host')}${prefix}/${bucket}/${encodePath(key)}`,
    Bucket: bucket,
    Key: key,
    ETag: `"${object.etag}"`,
    [checksumElement(object.checksum.algorithm)]: object.checksum.value,
    ChecksumType: object.checksum.type,
  })
}
