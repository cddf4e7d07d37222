import type { AugmentSpec, DatasetManifest, Duration, ImageSpec, StageSpec } from '@baton/contracts'
import { assertNever, durationOf } from '@baton/contracts'
import { labelTable } from '@baton/evaluation'
import { permutation, streamKey, uniform } from '@baton/random'
import type { ChangeBatch } from '../models/bundle.ts'
import { augmentationsOf, augmentImages } from './augment.ts'
import type { EpochKey } from './augment.ts'
import type { ImageSource } from './image-source.ts'
import { prefetch } from './prefetch.ts'

/** Samples as the model takes them. */
export interface Batch {
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  /** RGB, 0 to 255. [n, size, size, 3] */
  readonly images: Uint8Array
  /** 0 or 1, unless a bundle changed them. [n, labels] */
  readonly labels: Float32Array
}

/** Lengths of a stage in steps. */
export interface StagePlan {
  /** Samples in every batch. */
  readonly batch: number
  readonly stepsPerEpoch: number
  /** Null where the stage lasts so many hours: then its end is decided on the way. */
  readonly totalSteps: number | null
}

/**
 * How a stage goes through its samples: each epoch in whole batches, all of one size, because the step is compiled for
 * it. What is left over at the end of an epoch is dropped; the next epoch has another order, so it is other samples.
 * With fewer samples than the batch, a batch is all of them.
 *
 * @param samples How many the fold trains on, at least 1.
 */
export function planStage(stage: Pick<StageSpec, 'batch' | Duration['unit']>, samples: number): StagePlan {
  const batch = Math.min(stage.batch, samples)
  const stepsPerEpoch = Math.floor(samples / batch)
  return { batch, stepsPerEpoch, totalSteps: stepsOf(durationOf(stage), batch, stepsPerEpoch) }
}

function stepsOf({ unit, value }: Duration, batch: number, stepsPerEpoch: number): number | null {
  switch (unit) {
    case 'epochs':
      return Math.max(1, Math.round(value * stepsPerEpoch))
    case 'steps':
      return value
    case 'samples':
      return Math.ceil(value / batch)
    case 'hours':
      return null
    default:
      return assertNever(unit)
  }
}

/** The order of an epoch, as a pure function of its key. @returns The samples, each once. */
export function orderOf(samples: Int32Array, { seed, fold, stage, epoch }: EpochKey): Int32Array {
  const order = permutation(streamKey(seed, fold, stage, epoch, 'order'), samples.length)
  return Int32Array.from(order, (i) => samples[i]!)
}

export interface TrainBatches {
  readonly manifest: DatasetManifest
  readonly source: ImageSource
  readonly image: ImageSpec
  readonly augment: AugmentSpec
  /** What the fold trains on, ascending. */
  readonly samples: Int32Array
  readonly key: Omit<EpochKey, 'epoch'>
  readonly plan: StagePlan
  /** The code bundle's own augmentation, after ours. */
  readonly change: ChangeBatch | null
}

/** Batches made ahead: one being finished while the next one's images are decoded. */
const batchesAhead = 2

/**
 * The batches of a stage from step `stageStep` on. Batch i is a pure function of the key and i: it does not matter from
 * where the stage was resumed.
 *
 * @throws {AppError} `sample-broken`, `user-code-failed`, in the turn of the batch that they concern
 */
export function trainBatches(
  { manifest, source, image, augment, samples, key, plan, change }: TrainBatches,
  stageStep: number,
): AsyncGenerator<Batch, void> {
  const epochOf = remembering((epoch: number) => ({
    order: orderOf(samples, { ...key, epoch }),
    augmentationOf: augmentationsOf(augment, { ...key, epoch }),
  }))
  return prefetch(stageStep, plan.totalSteps ?? Infinity, batchesAhead, async (step) => {
    const { order, augmentationOf } = epochOf(Math.floor(step / plan.stepsPerEpoch))
    const start = (step % plan.stepsPerEpoch) * plan.batch
    const batch = await loadBatch(manifest, source, order.slice(start, start + plan.batch))
    augmentImages(batch.images, Array.from(batch.samples, augmentationOf), image)
    const drawKey = streamKey(key.seed, key.fold, key.stage, 'dataset', step)
    change?.(batch, (i) => uniform(drawKey, i))
    return batch
  })
}

/** The samples in their order, in batches of `size`; the last one may be smaller. Nothing is augmented. */
export function plainBatches(
  manifest: DatasetManifest,
  source: ImageSource,
  samples: Int32Array,
  size: number,
): AsyncGenerator<Batch, void> {
  return prefetch(0, Math.ceil(samples.length / size), batchesAhead, (i) =>
    loadBatch(manifest, source, samples.slice(i * size, (i + 1) * size)),
  )
}

async function loadBatch(manifest: DatasetManifest, source: ImageSource, samples: Int32Array): Promise<Batch> {
  const images = new Uint8Array(samples.length * source.imageBytes)
  await source.fill(samples, images)
  return { samples, images, labels: Float32Array.from(labelTable(manifest, samples)) }
}

/** Of a function of one number: its last result is not computed again. */
function remembering<T>(compute: (argument: number) => T): (argument: number) => T {
  let last: { argument: number; result: T } | undefined
  return (argument) => {
    if (last?.argument !== argument) last = { argument, result: compute(argument) }
    return last.result
  }
}
