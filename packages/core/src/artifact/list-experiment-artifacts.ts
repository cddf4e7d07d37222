import { AppError } from '@baton/contracts'
import type { ArtifactKind, Blob, ExperimentArtifact } from '@baton/contracts'
import { getExperiment } from '../experiment/get-experiment.ts'
import type { ExperimentRecord, Store } from '../store.ts'

interface Wanted {
  readonly project: string
  readonly version: number
}

/**
 * What an experiment has left so far: of each completed fold its final weights and predictions, of a completed
 * experiment its ensemble, and the files of its submissions.
 *
 * @throws {AppError} `not-found`
 */
export async function listExperimentArtifacts(
  { store }: { store: Store },
  wanted: Wanted,
): Promise<ExperimentArtifact[]> {
  const { id, testPredictions } = await getExperiment({ store }, wanted)
  const { folds } = (await store.experiments.find(id))!
  const files = await store.submissions.files(id)
  return [
    ...folds.flatMap(ofFold),
    ...named('ensemble.safetensors', 'ensemble', null, testPredictions),
    ...files.flatMap(({ number, file }) => named(`submission-${number}.csv`, 'submission', null, file)),
  ]
}

/** @throws {AppError} `not-found` also for an object that is another experiment's */
export async function findExperimentArtifact(
  { store }: { store: Store },
  { digest, ...wanted }: Wanted & { digest: string },
): Promise<ExperimentArtifact> {
  const found = (await listExperimentArtifacts({ store }, wanted)).find((artifact) => artifact.digest === digest)
  if (found === undefined)
    throw new AppError(
      'not-found',
      { digest },
      { detail: `experiment ${wanted.project} #${wanted.version} has no artifact of that digest` },
    )
  return found
}

function ofFold({ index, result }: ExperimentRecord['folds'][number]): ExperimentArtifact[] {
  if (result === null) return []
  return [
    ...named(`fold-${index}-weights.safetensors`, 'weights', index, result.weights),
    ...named(`fold-${index}-oof.safetensors`, 'oof', index, result.oof),
    ...named(`fold-${index}-test.safetensors`, 'test-predictions', index, result.test),
  ]
}

function named(name: string, kind: ArtifactKind, fold: number | null, blob: Blob | null): ExperimentArtifact[] {
  return blob === null ? [] : [{ name, kind, fold, digest: blob.digest, sizeBytes: blob.sizeBytes }]
}
