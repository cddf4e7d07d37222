import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Artifact, ArtifactKind, Client } from '@baton/contracts'
import type { Progress } from '../output/progress.ts'
import { formatBytes } from '../output/text.ts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'
import type { LocalBlob } from '../transfer/upload-blobs.ts'

export interface PushArtifact {
  readonly project: string
  readonly name: string
  readonly file: string
  readonly kind: ArtifactKind
  readonly note: string
  readonly progress: Progress
  readonly signal: AbortSignal
}

/**
 * Uploads a file and keeps it in the project under a name. The `model.json` of a TensorFlow.js layers model is kept with
 * its binary files beside it, as one safetensors file of its weights.
 *
 * @throws {AppError} `weights-unfit` when a TensorFlow.js model is broken; `already-exists`
 */
export async function pushArtifact(
  api: Client,
  { project, name, file, kind, note, progress, signal }: PushArtifact,
): Promise<Artifact> {
  const blob = (await layersModel(file)) ?? (await blobOf(file))
  const onProgress = (done: number) =>
    progress.update('upload', done, blob.sizeBytes, `${formatBytes(done)} of ${formatBytes(blob.sizeBytes)}`)
  await uploadBlobs(api, { project, blobs: [blob], signal, onProgress })
  return api.createArtifact({ params: { project }, body: { name, digest: blob.digest, kind, note } }, { signal })
}

/** The weights of a TensorFlow.js layers model, where the file is one's. */
async function layersModel(file: string): Promise<LocalBlob | null> {
  if (!file.endsWith('.json')) return null
  const json = JSON.parse(await readFile(file, 'utf8')) as { weightsManifest?: unknown } | null
  if (json?.weightsManifest === undefined) return null
  // Only this command needs the trainer, which is most of what `baton` would load.
  const { packLayersModel } = await import('@baton/trainer')
  const bytes = await packLayersModel(file)
  return { digest: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength, bytes }
}

async function blobOf(file: string): Promise<LocalBlob> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  const { size } = await stat(file)
  return { digest: hash.digest('hex'), sizeBytes: size, path: file }
}
