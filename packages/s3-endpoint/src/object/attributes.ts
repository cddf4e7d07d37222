import { requireBucket } from '../bucket/record.ts'
import { checksumElement } from '../body/checksum.ts'
import type { Context } from '../context.ts'
import { invalidArgument, invalidRequest } from '../errors.ts'
import type { S3Request, S3Response } from '../request.ts'
import type { Elements } from '../xml/write.ts'
import { writeXml } from '../xml/write.ts'
import { readObject } from './record.ts'
import type { ObjectRecord } from './record.ts'

const attributes: Record<string, (object: ObjectRecord) => Elements> = {
  ETag: ({ etag }) => ({ ETag: etag }),
  Checksum: ({ checksum }) => ({
    Checksum: { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type },
  }),
  ObjectParts: ({ sizes, uploadId }) => (uploadId === null ? {} : { ObjectParts: { TotalPartsCount: sizes.length } }),
  StorageClass: () => ({ StorageClass: 'STANDARD' }),
  ObjectSize: ({ sizeBytes }) => ({ ObjectSize: sizeBytes }),
}

/** GetObjectAttributes: only what was asked for. */
export async function getAttributes({ db }: Context, { bucket, key, headers }: S3Request): Promise<S3Response> {
  await requireBucket(db, bucket)
  const asked = (headers.get('x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = asked.find((name) => !Object.hasOwn(attributes, name))
  if (unknown !== undefined)
    throw invalidArgument('x-amz-object-attributes', unknown, 'Invalid attribute name specified.')
  if (asked.length === 0)
    throw invalidRequest(
      'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
    )
  const object = await readObject(db, bucket, key)
  return {
    status: 200,
    headers: { 'last-modified': object.modifiedAt.toUTCString() },
    document: writeXml(
      'GetObjectAttributesResponse',
      Object.assign({}, ...asked.map((name) => attributes[name]!(object))) as Elements,
    ),
  }
}
