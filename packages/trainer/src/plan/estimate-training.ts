import { foldsOf } from '@baton/contracts'
import type { ExperimentSpec } from '@baton/contracts'
import { batchesAhead } from '../data/prefetch.ts'
import type { ModelSize } from './measure-model.ts'
import type { TrainingPlan } from './plan-training.ts'

/** What is known beside the spec; null where it is not. */
export interface Known {
  readonly model: ModelSize | null
  /** Of the dataset version. */
  readonly dataset: { readonly sizeBytes: number } | null
  readonly imagesPerSecond: number | null
  /** How long a session lives. */
  readonly sessionSeconds: number | null
}

/** What a training takes, as far as it can be told. docs/spec/explain.md has the formulas. */
export interface Estimate {
  readonly memory: { readonly deviceBytes: number; readonly hostBytes: number } | null
  readonly disk: { readonly datasetBytes: number; readonly checkpointBytes: number } | null
  /** Decoded pictures, as far as a third of the free memory goes. */
  readonly cacheBytes: number
  /** What each checkpoint sends, and the best weights, which are sent beside it when an evaluation was the best so far. */
  readonly upload: { readonly bytes: number; readonly bestBytes: number } | null
  readonly foldSeconds: number | null
  readonly sessions: { readonly perFold: number; readonly all: number } | null
}

const floatBytes = 4
/** Outputs that the backward pass makes beside those it reads, as a part of these: a rule of thumb. */
const backward = 0.5
/** A picture is predicted about three times as fast as it is trained on: the backward pass costs twice the forward one. */
const predictionSpeed = 3
/** Node, TensorFlow's own code and its buffers. */
const processBytes = 600e6
/** A session finds TensorFlow, downloads and restores before the first step, and hands over before its end. */
const overheadSeconds = 300

/** What a training takes. Each of it is null where what it follows from is not known. */
export function estimateTraining(spec: ExperimentSpec, plan: TrainingPlan, known: Known): Estimate {
  const { model, dataset, sessionSeconds } = known
  const { train, validation } = plan.samples
  const pictureBytes = 3 * spec.image.size ** 2
  const cacheBytes = (train + validation) * pictureBytes
  const foldSeconds = secondsOf(spec, plan, known)
  const weightBytes = model && floatBytes * (model.parameters + model.statistics)
  const slotBytes = model && floatBytes * Math.max(...model.stages.map(({ slots }) => slots))
  // A moving average is a whole set of weights.
  const averageBytes = spec.ema === null ? 0 : weightBytes!
  const stateBytes = weightBytes! + slotBytes! + averageBytes
  const embeddingBytes = spec.knn === null || model === null ? 0 : floatBytes * model.embedding * train
  return {
    memory: model && {
      deviceBytes:
        stateBytes +
        Math.max(
          ...plan.stages.map(({ batch }, i) => workBytes(model, i, Math.ceil(batch / spec.stages[i]!.accumulate))),
          // Once training is over.
          embeddingBytes,
        ),
      // A state is copied while it is saved.
      hostBytes: processBytes + cacheBytes + stateBytes + waitingBytes(plan, pictureBytes),
    },
    // One checkpoint is kept while the next is written; the best weights stand in both.
    disk: model && dataset && { datasetBytes: dataset.sizeBytes, checkpointBytes: 2 * stateBytes + weightBytes! },
    cacheBytes,
    upload: model && { bytes: stateBytes, bestBytes: weightBytes! },
    foldSeconds,
    sessions: sessionsOf(foldSeconds, sessionSeconds, foldsOf(spec).length),
  }
}

/** Gradients, and what the forward pass leaves for the backward one. */
function workBytes({ activations, stages }: ModelSize, stage: number, batch: number): number {
  return floatBytes * (stages[stage]!.trained + (1 + backward) * activations * batch)
}

/** Of the batch that is trained on, and those made ahead by other threads. */
function waitingBytes({ stages }: TrainingPlan, pictureBytes: number): number {
  return Math.max(
    ...stages.map(({ batch, stepsPerEpoch }) => {
      const bytes = batch * pictureBytes
      return (1 + batchesAhead(1, bytes, stepsPerEpoch)) * bytes
    }),
  )
}

function secondsOf(spec: ExperimentSpec, plan: TrainingPlan, { imagesPerSecond }: Known): number | null {
  if (imagesPerSecond === null || plan.totalSteps === null) return null
  const { tta } = spec.evaluate
  const views = typeof tta === 'object' ? tta.views : tta === 'flip' ? 2 : 1
  const trained = plan.stages.reduce((sum, { steps, batch }) => sum + steps! * batch, 0)
  const evaluations = plan.stages.reduce((sum, stage) => sum + stage.evaluations!, 0)
  const { train, validation, test } = plan.samples
  const neighbours = spec.knn === null ? 0 : train
  const predicted = views * ((evaluations + 1) * validation + (test ?? 0) + neighbours)
  return (trained + predicted / predictionSpeed) / imagesPerSecond
}

/** Sessions one after the other for a fold, and for all folds together, which share none. */
function sessionsOf(foldSeconds: number | null, sessionSeconds: number | null, folds: number): Estimate['sessions'] {
  if (foldSeconds === null || sessionSeconds === null || sessionSeconds <= overheadSeconds) return null
  const useful = sessionSeconds - overheadSeconds
  return { perFold: Math.ceil(foldSeconds / useful), all: Math.ceil((folds * foldSeconds) / useful) }
}
