import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Client, DatasetVersion } from '@baton/contracts'
import type { ImportedDataset } from '@baton/dataset'
import type { Progress } from '../output/progress.ts'
import { formatBytes } from '../output/text.ts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'

export interface PushDataset {
  readonly project: string
  readonly name: string
  readonly dataset: ImportedDataset
  readonly progress: Pick<Progress, 'update'>
  readonly signal: AbortSignal
}

/** Uploads an imported dataset's shards and manifest, and makes it the next version. */
export async function pushDataset(
  api: Client,
  { project, name, dataset, progress, signal }: PushDataset,
): Promise<DatasetVersion> {
  const { manifest, manifestDigest, shards, folder } = dataset
  const manifestPath = path.join(folder, 'manifest.json')
  const { size } = await stat(manifestPath)
  const blobs = [
    ...manifest.shards.map((shard, i) => ({ ...shard, path: shards[i]! })),
    { digest: manifestDigest, sizeBytes: size, path: manifestPath },
  ]
  const totalBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0)
  const onProgress = (done: number) =>
    progress.update('upload', done, totalBytes, `${formatBytes(done)} of ${formatBytes(totalBytes)}`)
  await uploadBlobs(api, { project, blobs, signal, onProgress })
  return api.createDatasetVersion({ params: { project }, body: { name, manifest: manifestDigest } }, { signal })
}
