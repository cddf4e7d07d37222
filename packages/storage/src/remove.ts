import { DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { AppError } from '@baton/contracts'
import { callStore } from './errors.ts'
import type { Bucket } from './bucket.ts'

/** As many keys as one request may name. */
const batch = 1000

/** Removes objects; those that are not there are passed over. */
export async function removeBlobs({ client, name }: Bucket, digests: readonly string[]): Promise<void> {
  for (let start = 0; start < digests.length; start += batch) {
    const Objects = digests.slice(start, start + batch).map((Key) => ({ Key }))
    const { Errors } = await callStore('remove', null, () =>
      client.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects, Quiet: true } })),
    )
    const failed = (Errors ?? []).find(({ Code }) => Code !== 'NoSuchKey')
    if (failed) throw new AppError('storage-unavailable', { operation: 'remove', reason: failed.Code })
  }
}
