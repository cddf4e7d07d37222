import { foldsOf, isAppError, isFinal, ofLabelGroups } from '@baton/contracts'
import type { AppError, DatasetManifest, ExperimentSpec, Failure } from '@baton/contracts'
import type { AssembleInput, Assembly, CheckFoldInput, FoldPredictions } from '@baton/evaluation'
import { emit } from '../notification/emit.ts'
import { maxManifestBytes, readManifest } from '../project/create-dataset-version.ts'
import type { ExperimentRecord, Store } from '../store.ts'
import { decideHalving } from '../matrix/halving.ts'
import { assembleEnsemble } from './assemble-ensemble.ts'
import type { EnsembleDeps } from './assemble-ensemble.ts'
import { completeExperiment, storeAssembly } from './complete-experiment.ts'
import { failExperiment, failureFrom } from './fail-experiment.ts'
import { lockExperiment } from './lock-experiment.ts'
import { readPredictions } from './read-predictions.ts'

/** Computes scores and ensembles: minutes for a large dataset, so services run it off the thread that answers calls. */
export type Assemble = (input: AssembleInput) => Promise<Assembly>

/** Refuses predictions that are not their fold's, before anything is computed from them; off that thread, too. */
export type CheckFold = (input: CheckFoldInput) => Promise<void>

interface Deps extends EnsembleDeps {
  readonly assemble: Assemble
  readonly checkFold: CheckFold
}

type FoldEntry = ExperimentRecord['folds'][number]

/**
 * Scores what has finished and, once every fold is final, completes the experiment: pooled OOF CV with its
 * thresholds, mean and spread over folds, rank-averaged test predictions, leaderboard row.
 *
 * Everything is computed here from stored predictions and labels, never taken from a worker's word. Running it
 * again, or twice at once, changes nothing: each result is written under the experiment's lock if it is not there.
 */
export async function assembleExperiment(deps: Deps, { experimentId }: { experimentId: string }): Promise<void> {
  const experiment = await begin(deps.store, experimentId)
  if (experiment === null) return
  if (experiment.blend !== null) return assembleEnsemble(deps, experiment, experiment.blend)
  const manifest = readManifest(
    await deps.blobs.read(experiment.dataset.manifest.digest, { maxBytes: maxManifestBytes }),
  )
  const loaded = await loadPredictions(deps, experiment, manifest)
  const matrix = await deps.store.matrices.halvingOf(experimentId)
  // Before the folds have scores: a crash in between finds them without, and does it again.
  if (matrix) await keepRungs(deps, experiment, manifest, loaded)
  await scoreFolds(deps, experiment, manifest, loaded)
  await finish(deps, experimentId, manifest, loaded)
  if (matrix) await decideHalving(deps, matrix.id)
}

/**
 * Keeps what halving compares: the scores of the first k folds as if there were no others, for each k that has finished.
 * They do not depend on the order in which folds finish, as the score of a fold among those done so far does.
 */
async function keepRungs(
  { store, assemble }: Deps,
  { id, spec }: ExperimentRecord,
  manifest: DatasetManifest,
  loaded: readonly Loaded[],
): Promise<void> {
  const order = foldsOf(spec)
  const first = order.map((fold) => loaded.find(({ predictions }) => predictions.fold === fold)?.predictions)
  for (let k = 1; k < order.length && first[k - 1]; k++) {
    const { foldScores } = await assembleSome(assemble, manifest, spec, first.slice(0, k) as FoldPredictions[])
    await store.matrices.addRung(
      id,
      k,
      order.slice(0, k).map((fold) => foldScores.find((scored) => scored.fold === fold)!.score),
    )
  }
}

/** Once no fold is open it says so: from here on it cannot be paused or cancelled. Null: it is final already. */
async function begin(store: Store, experimentId: string): Promise<ExperimentRecord | null> {
  return store.transaction(async (tables) => {
    const experiment = await tables.experiments.find(experimentId, { lock: true })
    if (experiment === null || isFinal(experiment.status)) return null
    if (isOver(experiment)) await tables.experiments.setStatus(experimentId, 'assembling')
    return experiment
  })
}

function isOver({ folds }: ExperimentRecord): boolean {
  return folds.every((fold) => isFinal(fold.status))
}

/** Whether a fold has the result that it was looked at with: it may have been failed meanwhile, and retried. */
function hasResultOf(before: FoldEntry, now: FoldEntry): boolean {
  return now.status === 'completed' && now.id === before.id && now.attempts === before.attempts
}

interface Loaded {
  readonly entry: FoldEntry
  readonly predictions: FoldPredictions
}

/** Predictions of every completed fold. A fold whose predictions are unusable is failed, which is final. */
async function loadPredictions(
  { store, blobs, checkFold }: Deps,
  experiment: ExperimentRecord,
  manifest: DatasetManifest,
): Promise<Loaded[]> {
  const loaded: Loaded[] = []
  for (const entry of experiment.folds) {
    if (entry.status !== 'completed' || entry.result === null) continue
    try {
      const predictions = await readPredictions(
        blobs,
        ofLabelGroups(manifest, experiment.spec.labels),
        entry.index,
        entry.result,
      )
      await checkFold({ manifest, spec: experiment.spec, predictions })
      loaded.push({ entry, predictions })
    } catch (error) {
      if (!isAppError(error, 'predictions-incomplete')) throw error
      await failUnusable(store, experiment.id, entry, error)
    }
  }
  return loaded
}

async function failUnusable(store: Store, experimentId: string, entry: FoldEntry, error: AppError): Promise<void> {
  const failure = failureFrom(error)
  await store.transaction(async (tables) => {
    const fold = (await tables.folds.lock(entry.id))!
    // It may have been retried meanwhile, and have other predictions now.
    if (fold.status !== 'completed' || fold.attempt !== entry.attempts) return
    await tables.folds.fail(fold, failure)
    await emit(tables, experimentId, {
      kind: 'fold-failed',
      fold: entry.index,
      attempt: entry.attempts,
      session: null,
      failure,
      outcome: 'given-up',
      retryInSeconds: null,
    })
  })
}

/** Scores of the folds that are there, as if the spec trained no others. */
function assembleSome(
  assemble: Assemble,
  manifest: DatasetManifest,
  spec: ExperimentSpec,
  folds: readonly FoldPredictions[],
): Promise<Assembly> {
  const only = folds.map(({ fold }) => fold)
  return assemble({ manifest, spec: { ...spec, folds: { ...spec.folds, only } }, folds })
}

/** Gives each newly completed fold its score and tells subscribers, with the CV of all folds done so far. */
async function scoreFolds(
  { store, assemble }: Deps,
  { id, spec, folds }: ExperimentRecord,
  manifest: DatasetManifest,
  loaded: readonly Loaded[],
): Promise<void> {
  const done = loaded.filter(({ entry }) => entry.score !== null)
  for (const current of loaded.filter(({ entry }) => entry.score === null)) {
    done.push(current)
    const sofar = await assembleSome(
      assemble,
      manifest,
      spec,
      done.map(({ predictions }) => predictions),
    )
    const { score } = sofar.foldScores.find(({ fold }) => fold === current.entry.index)!
    await store.transaction(async (tables) => {
      await tables.folds.lock(current.entry.id)
      const { folds: latest } = (await tables.experiments.find(id))!
      const now = latest.find((fold) => fold.id === current.entry.id)
      if (!now || !hasResultOf(current.entry, now) || now.score !== null) return
      await tables.folds.setScore(current.entry.id, score)
      await emit(tables, id, {
        kind: 'fold-completed',
        fold: current.entry.index,
        attempt: current.entry.attempts,
        attempts: current.entry.attempts,
        score,
        cvSoFar: sofar.cv,
        foldsCompleted: done.length,
        foldsTotal: folds.length,
      })
    })
  }
}

/** Completes or fails the experiment once no fold is open. */
async function finish(
  { store, blobs, assemble }: Deps,
  experimentId: string,
  manifest: DatasetManifest,
  loaded: readonly Loaded[],
): Promise<void> {
  const experiment = (await store.experiments.find(experimentId))!
  if (!isOver(experiment)) return
  if (experiment.folds.some((fold) => fold.status === 'failed')) return fail(store, experimentId)
  if (loaded.length !== experiment.folds.length) return // a fold finished meanwhile: its own job follows
  const result = await assemble({
    manifest,
    spec: experiment.spec,
    folds: loaded.map(({ predictions }) => predictions),
    withReport: true,
  })
  const scores = await storeAssembly(blobs, ofLabelGroups(manifest, experiment.spec.labels), result)
  await store.transaction(async (tables) => {
    const locked = await lockExperiment(tables, experimentId)
    if (isFinal(locked.status) || !locked.folds.every((fold, i) => hasResultOf(loaded[i]!.entry, fold))) return
    await completeExperiment(tables, experimentId, scores)
  })
}

async function fail(store: Store, experimentId: string): Promise<void> {
  await store.transaction(async (tables) => {
    const locked = (await tables.experiments.find(experimentId, { lock: true }))!
    const failed = locked.folds.filter((fold) => fold.status === 'failed')
    // Those that had failed may have been retried meanwhile, and even have finished.
    if (isFinal(locked.status) || !isOver(locked) || failed.length === 0) return
    await failExperiment(tables, experimentId, failureOf(failed))
  })
}

function failureOf(failed: readonly FoldEntry[]): Failure {
  const cause = failed[0]!.failure
  return {
    code: cause?.code ?? 'internal',
    detail: `fold ${failed.map((fold) => fold.index).join(', ')} failed: ${cause?.detail ?? 'no cause was recorded'}`,
    lastLines: cause?.lastLines ?? [],
    step: cause?.step ?? null,
  }
}
