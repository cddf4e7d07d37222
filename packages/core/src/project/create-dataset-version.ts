import { AppError, parseManifest } from '@baton/contracts'
import type { DatasetManifest, DatasetVersion } from '@baton/contracts'
import { splitFactsOf } from '@baton/evaluation'
import { nameBlobs } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'
import { findProject } from './find-project.ts'

/** A manifest of a million samples is about 300 MB; past this a dataset wants another form. */
export const maxManifestBytes = 512 * 2 ** 20

/**
 * Makes an uploaded manifest the next version of a dataset, once it is proved sound: it fits its schema, its labels,
 * samples and shards agree, and every shard is in storage whole. Creating the newest version again returns it.
 *
 * @throws {AppError} `not-found`, `manifest-invalid`, `blob-missing`, `digest-mismatch`, `storage-unavailable`
 */
export async function createDatasetVersion(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: { project: string; name: string; manifest: string },
): Promise<DatasetVersion> {
  const project = await findProject({ store }, input.project)
  const bytes = await blobs.read(input.manifest, { maxBytes: maxManifestBytes })
  const manifest = readManifest(bytes)
  const train = manifest.samples.filter((sample) => sample.split === 'train').length
  const version = {
    projectId: project.id,
    dataset: input.name,
    manifest: { digest: input.manifest, sizeBytes: bytes.byteLength },
    shards: manifest.shards,
    samplesTrain: train,
    samplesTest: manifest.samples.length - train,
    labelGroups: manifest.labelGroups.map(({ name, labels }) => ({ name, labels: labels.length })),
    splitFacts: splitFactsOf(manifest),
  }
  return nameBlobs({ store, blobs }, [version.manifest, ...manifest.shards], async ({ projects, datasets }) => {
    // One at a time: a transaction whose number somebody took meanwhile could not take another.
    await projects.lock(project.slug)
    return datasets.append(version)
  })
}

/**
 * A manifest from its bytes.
 * @throws {AppError} `manifest-invalid` naming each fault
 */
export function readManifest(bytes: Uint8Array): DatasetManifest {
  return parseManifest(parseJson(bytes))
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new AppError('manifest-invalid', {}, { detail: 'the manifest is not JSON in UTF-8', cause })
  }
}
