import { AppError, isAppError, isFinal, ofLabelGroups } from '@baton/contracts'
import type { Blend, DatasetManifest } from '@baton/contracts'
import type { Blended, BlendInput, ExperimentPredictions } from '@baton/evaluation'
import type { BlobStore } from '../ports.ts'
import { maxManifestBytes, readManifest } from '../project/create-dataset-version.ts'
import type { ExperimentRecord, Store } from '../store.ts'
import { completeExperiment, storeAssembly } from './complete-experiment.ts'
import { failExperiment, failureFrom } from './fail-experiment.ts'
import { lockExperiment } from './lock-experiment.ts'
import { readPredictions } from './read-predictions.ts'

/** Minutes for large predictions, so services run it off the thread that answers calls. */
export type BlendExperiments = (input: BlendInput) => Promise<Blended>

export interface EnsembleDeps {
  readonly store: Store
  readonly blobs: BlobStore
  readonly blend: BlendExperiments
}

/**
 * Completes an ensemble: the members' stored predictions become one, with CV, thresholds and test prediction. Running it
 * again changes nothing. What cannot be blended at all fails it; storage that is away has the job come again.
 */
export async function assembleEnsemble(deps: EnsembleDeps, experiment: ExperimentRecord, how: Blend): Promise<void> {
  const { store, blobs } = deps
  const { id, projectId, dataset, spec } = experiment
  const manifest = readManifest(await blobs.read(dataset.manifest.digest, { maxBytes: maxManifestBytes }))
  try {
    const members = []
    for (const { version } of how.members) members.push(await readMember(deps, manifest, projectId, version))
    const { weights, ...blended } = await deps.blend({
      manifest,
      labels: spec.labels,
      metric: spec.metric,
      blend: how,
      members,
    })
    const scores = await storeAssembly(blobs, ofLabelGroups(manifest, spec.labels), blended)
    const blend = { ...how, members: how.members.map(({ version }, i) => ({ version, weight: weights[i]! })) }
    await store.transaction(async (tables) => {
      const locked = await lockExperiment(tables, id)
      if (!isFinal(locked.status)) await completeExperiment(tables, id, { ...scores, blend })
    })
  } catch (error) {
    if (!isAppError(error, 'predictions-incomplete')) throw error
    await fail(store, id, error)
  }
}

async function readMember(
  { store, blobs }: EnsembleDeps,
  manifest: DatasetManifest,
  projectId: string,
  version: number,
): Promise<ExperimentPredictions> {
  const { spec, folds } = (await store.experiments.findVersion(projectId, version))!
  const predictions = []
  for (const { index, result } of folds) {
    if (result === null)
      throw new AppError(
        'predictions-incomplete',
        { version },
        { detail: `#${version} has no predictions of fold ${index}` },
      )
    predictions.push(await readPredictions(blobs, ofLabelGroups(manifest, spec.labels), index, result))
  }
  return { spec, folds: predictions }
}

async function fail(store: Store, id: string, error: AppError): Promise<void> {
  await store.transaction(async (tables) => {
    const locked = await lockExperiment(tables, id)
    if (!isFinal(locked.status)) await failExperiment(tables, id, failureFrom(error))
  })
}
