import type { PackedBundle } from '@baton/bundle'
import type { Client, CodeBundle } from '@baton/contracts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'

/** Uploads a packed bundle and registers it; pushing the same one again changes nothing. */
export async function pushBundle(api: Client, project: string, { bytes, digest }: PackedBundle): Promise<CodeBundle> {
  await uploadBlobs(api, { project, blobs: [{ digest, sizeBytes: bytes.byteLength, bytes }] })
  return api.createCodeBundle({ params: { project }, body: { digest } })
}
