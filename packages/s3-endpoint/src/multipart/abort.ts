import type { Context } from '../context.ts'
import type { S3Request, S3Response } from '../request.ts'
import { noSuchUpload, readUpload, readUploadId } from './record.ts'

/** AbortMultipartUpload: the upload and its parts are gone afterwards. */
export async function abortUpload({ db, files }: Context, request: S3Request): Promise<S3Response> {
  const upload = await readUpload(db, request)
  // One statement sees one state: the parts that go with the upload are those that it names.
  const { rows } = await db.query<{ file: string | null }>(
    `WITH gone AS (DELETE FROM s3_upload WHERE id = $1 RETURNING id)
     SELECT p.file FROM gone LEFT JOIN s3_part p ON p.upload_id = gone.id`,
    [upload.id],
  )
  if (rows.length === 0) throw noSuchUpload(readUploadId(request))
  files.remove(
    rows.flatMap(({ file }) => (file === null ? [] : [file])),
    upload.id,
  )
  return { status: 204 }
}
