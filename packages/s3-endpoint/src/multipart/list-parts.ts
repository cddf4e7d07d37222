import { checksumElement } from '../body/checksum.ts'
import type { Context } from '../context.ts'
import { readCount } from '../list/parameters.ts'
import type { S3Request, S3Response } from '../request.ts'
import type { Elements } from '../xml/write.ts'
import { writeXml } from '../xml/write.ts'
import { readParts, readUpload } from './record.ts'
import type { PartRecord, UploadRecord } from './record.ts'

const pageMax = 1000

/** ListParts. */
export async function listParts({ db, ownerId }: Context, request: S3Request): Promise<S3Response> {
  const { bucket, key, query } = request
  const max = Math.min(pageMax, readCount(query, 'max-parts') ?? pageMax)
  const after = readCount(query, 'part-number-marker') ?? 0
  const upload = await readUpload(db, request)
  const found = await readParts(db, upload.id, { after, limit: max + 1 })
  const page = found.slice(0, max)
  return {
    status: 200,
    document: writeXml('ListPartsResult', {
      Bucket: bucket,
      Key: key,
      UploadId: upload.id,
      Initiator: { ID: ownerId },
      Owner: { ID: ownerId },
      StorageClass: 'STANDARD',
      PartNumberMarker: after,
      NextPartNumberMarker: page.at(-1)?.number ?? after,
      MaxParts: max,
      IsTruncated: max > 0 && found.length > max,
      ChecksumAlgorithm: upload.checksum?.algorithm,
      ChecksumType: upload.checksum?.type,
      Part: page.map((part) => describePart(part, upload)),
    }),
  }
}

function describePart({ number, modifiedAt, etag, sizeBytes, checksum }: PartRecord, upload: UploadRecord): Elements {
  return {
    PartNumber: number,
    LastModified: modifiedAt,
    ETag: `"${etag}"`,
    Size: sizeBytes,
    ...(upload.checksum === null ? {} : { [checksumElement(checksum.algorithm)]: checksum.value }),
  }
}
