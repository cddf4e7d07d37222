import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import { callStore, isMissing } from './errors.ts'
import type { Bucket } from './bucket.ts'

/** Makes the bucket if it is not there; two processes may do so at once. */
export async function ensureBucket({ client, name }: Bucket): Promise<void> {
  await callStore('ensure-bucket', null, async () => {
    if (await exists({ client, name })) return
    try {
      await client.send(new CreateBucketCommand({ Bucket: name }))
    } catch (error) {
      if (!(await exists({ client, name }))) throw error
    }
  })
}

async function exists({ client, name }: Bucket): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: name }))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
