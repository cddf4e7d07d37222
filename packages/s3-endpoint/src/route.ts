import {
  createBucket,
  deleteBucket,
  deleteBucketTags,
  getBucketTags,
  getLocation,
  getVersioning,
  headBucket,
  listBuckets,
  putBucketTags,
} from './bucket/manage.ts'
import type { Operation } from './context.ts'
import { S3Error, invalidArgument, invalidRequest, notImplemented } from './errors.ts'
import { listObjects, listObjectsV2 } from './list/list-objects.ts'
import { abortUpload } from './multipart/abort.ts'
import { completeUpload } from './multipart/complete.ts'
import { createUpload } from './multipart/create.ts'
import { listParts } from './multipart/list-parts.ts'
import { listUploads } from './multipart/list-uploads.ts'
import { copyPart, uploadPart } from './multipart/upload-part.ts'
import { getAttributes } from './object/attributes.ts'
import { copyObject } from './object/copy.ts'
import { deleteMany, deleteOne } from './object/delete.ts'
import { getObject, headObject } from './object/get.ts'
import { putObject } from './object/put.ts'
import { deleteTags, getTags, putTags } from './object/tagging.ts'
import type { S3Request } from './request.ts'

/** Method, and the query parameter that chooses among operations of one method; the first row that fits counts. */
type Row = readonly [method: string, parameter: string | null, operation: Operation]

const onService: readonly Row[] = [['GET', null, listBuckets]]

const onBucket: readonly Row[] = [
  ['GET', 'location', getLocation],
  ['GET', 'versioning', getVersioning],
  ['GET', 'tagging', getBucketTags],
  ['PUT', 'tagging', putBucketTags],
  ['DELETE', 'tagging', deleteBucketTags],
  ['GET', 'uploads', listUploads],
  ['POST', 'delete', deleteMany],
  ['GET', 'list-type', listObjectsV2],
  ['GET', null, listObjects],
  ['HEAD', null, headBucket],
  ['PUT', null, createBucket],
  ['DELETE', null, deleteBucket],
]

const onObject: readonly Row[] = [
  ['GET', 'tagging', getTags],
  ['PUT', 'tagging', putTags],
  ['DELETE', 'tagging', deleteTags],
  ['GET', 'attributes', getAttributes],
  ['POST', 'uploads', createUpload],
  ['GET', 'uploadId', listParts],
  ['PUT', 'uploadId', (context, request) => (isCopy(request) ? copyPart : uploadPart)(context, request)],
  ['POST', 'uploadId', completeUpload],
  ['DELETE', 'uploadId', abortUpload],
  ['GET', null, getObject],
  ['HEAD', null, headObject],
  ['PUT', null, (context, request) => (isCopy(request) ? copyObject : putObject)(context, request)],
  ['DELETE', null, deleteOne],
]

const isCopy = ({ headers }: S3Request) => headers.has('x-amz-copy-source')

/** Parameters that choose operations which this endpoint does not have. */
const unknownOperations = [
  'abac',
  'accelerate',
  'acl',
  'analytics',
  'annotation',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metadataAnnotationTable',
  'metadataConfiguration',
  'metadataInventoryTable',
  'metadataJournalTable',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'session',
  'torrent',
  'versions',
  'website',
]

/** Parameters beside `x-*` that a request which changes something may carry without asking for another operation. */
const harmless = ['partNumber', 'versionId']

/**
 * The operation that a request asks for.
 * @throws {S3Error} `NotImplemented` for what S3 has and this endpoint has not, `MethodNotAllowed`, 4xx
 */
export function route(request: S3Request, ownerId: string): Operation {
  checkOwner(request, ownerId)
  const { method, bucket, key, query } = request
  const unknown = unknownOperations.find((name) => query.has(name))
  if (unknown !== undefined) throw notImplemented(unknown)
  checkVersion(request)
  const rows = bucket === '' ? onService : key === '' ? onBucket : onObject
  if (key !== '' && method === 'GET' && query.has('uploads'))
    throw invalidRequest('Key is not expected for the GET method ?uploads subresource')
  if (key !== '' && method === 'PUT' && query.has('partNumber') && !query.has('uploadId'))
    throw invalidArgument('partNumber', '', 'This operation does not accept partNumber without uploadId')
  checkSubResource(request, rows)
  const row = rows.find(([verb, parameter]) => verb === method && (parameter === null || query.has(parameter)))
  if (row === undefined) throw refuse(request)
  return row[2]
}

/**
 * A parameter chooses an operation, so one that a change does not know must not be passed over: deleting an object's
 * annotation would delete the object.
 */
function checkSubResource(request: S3Request, rows: readonly Row[]): void {
  const { method, query } = request
  if (method === 'GET' || method === 'HEAD') return
  for (const [name] of query.pairs) {
    if (name.toLowerCase().startsWith('x-') || harmless.includes(name)) continue
    if (rows.some(([verb, parameter]) => verb === method && parameter === name)) continue
    if (name === 'versioning' || !rows.some(([, parameter]) => parameter === name)) throw notImplemented(name)
    throw refuse(request)
  }
}

/** A client may say whose bucket it means; there is one owner. */
function checkOwner({ headers }: S3Request, ownerId: string): void {
  for (const name of ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'])
    if ((headers.get(name) ?? ownerId) !== ownerId) throw new S3Error('AccessDenied')
}

/** Nothing has versions: the only one is called null. */
function checkVersion({ query }: S3Request): void {
  const version = query.get('versionId')
  if (version === undefined || version === 'null') return
  throw invalidArgument('versionId', version, 'Invalid version id specified')
}

function refuse({ method, bucket, key }: S3Request): S3Error {
  // A form upload (POST Object) is the one POST on a bare bucket that S3 knows.
  if (method === 'POST' && bucket !== '' && key === '') return notImplemented('POST')
  const ResourceType = bucket === '' ? 'SERVICE' : key === '' ? 'BUCKET' : 'OBJECT'
  return new S3Error('MethodNotAllowed', { Method: method, ResourceType })
}
