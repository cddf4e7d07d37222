import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { Blob } from '@baton/contracts'
import type { Bucket } from './bucket.ts'
import { callStore } from './errors.ts'

/** Every object that is named by a digest, a page of a thousand at a time. */
export async function* listBlobs({ client, name }: Bucket): AsyncGenerator<Blob> {
  let ContinuationToken: string | undefined
  do {
    const list = new ListObjectsV2Command({ Bucket: name, ...(ContinuationToken && { ContinuationToken }) })
    const page = await callStore('list', null, () => client.send(list))
    for (const { Key, Size } of page.Contents ?? [])
      if (Key !== undefined && /^[0-9a-f]{64}$/.test(Key)) yield { digest: Key, sizeBytes: Size ?? 0 }
    ContinuationToken = page.NextContinuationToken
  } while (ContinuationToken !== undefined)
}
