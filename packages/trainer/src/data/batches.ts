import type { Duration, MixSpec, StageSpec } from '@baton/contracts'
import { assertNever, durationOf } from '@baton/contracts'
import { permutation, streamKey, uniform } from '@baton/random'
import type { Targets } from '../inputs/targets.ts'
import type { ChangeBatch } from '../models/bundle.ts'
import type { AugmentPlan } from './augment/augment-plan.ts'
import type { Scope } from './augment/draws.ts'
import type { ImageSource } from './image-source.ts'
import { mixBatch } from './mix.ts'
import type { Blend } from './mix.ts'
import { prefetch } from './prefetch.ts'
import { remembering } from './remembering.ts'
import { drawSamples, turnsOf } from './sampling.ts'
import type { WeightOf } from './sampling.ts'

/** Samples as the model takes them. */
export interface Batch {
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  /** RGB, 0 to 255. [n, size, size, 3] */
  readonly images: Uint8Array
  /** 0 to 1. [n, labels] */
  readonly labels: Float32Array
  /** What a teacher says of them, 0 to 1; null: there is none. [n, labels] */
  readonly teacher: Float32Array | null
  /** How the step is to average the images, as the labels are already; null: they stay. */
  readonly blend: Blend | null
}

/** Lengths of a stage in steps. */
export interface StagePlan {
  /** Samples in every batch. */
  readonly batch: number
  readonly stepsPerEpoch: number
  /** Null where the stage lasts so many hours: then its end is decided on the way. */
  readonly totalSteps: number | null
}

/** What an epoch is a function of. */
export interface EpochKey {
  readonly seed: number
  readonly fold: number
  readonly stage: number
  /** Within the stage, 0-based. */
  readonly epoch: number
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

/**
 * The order of an epoch, as a pure function of its key.
 *
 * @returns The samples, each as often as it was given; with weights as many, drawn by them
 */
export function orderOf(
  samples: Int32Array,
  { seed, fold, stage, epoch }: EpochKey,
  weightOf: WeightOf | null = null,
): Int32Array {
  const key = streamKey(seed, fold, stage, epoch, 'order')
  if (weightOf !== null) return drawSamples(samples, weightOf, samples.length, key)
  return Int32Array.from(permutation(key, samples.length), (i) => samples[i]!)
}

export interface TrainBatches {
  readonly source: ImageSource
  readonly augment: AugmentPlan
  /** What the fold trains on, and what it is to learn. */
  readonly targets: Targets
  readonly key: StageKey
  readonly plan: StagePlan
  /** The code bundle's own augmentation, after ours. */
  readonly change: ChangeBatch | null
  readonly mix: MixSpec | null
  /** Samples that an epoch has twice, told once the epoch before is through; null: none, ever. */
  readonly again: (() => Int32Array) | null
  /** How likely each sample is drawn; null: an epoch has each once. */
  readonly weightOf: WeightOf | null
}

type StageKey = Omit<EpochKey, 'epoch'>

function scopeOf({ seed, fold, stage }: StageKey): Scope {
  return [seed, fold, stage]
}

/** What an epoch's augmentation is a function of, beside the sample and its turn. */
export function augmentScope(key: EpochKey): Scope {
  return [...scopeOf(key), key.epoch, 'augment']
}

/** What the mixing of a batch is a function of. @param step Within the stage, 0-based. */
export function mixScope(key: StageKey, step: number): Scope {
  return [...scopeOf(key), 'mix', step]
}

/**
 * The batches of a stage from step `stageStep` on. Batch i is a pure function of the key and i: it does not matter from
 * where the stage was resumed.
 *
 * @throws {AppError} `sample-broken`, `user-code-failed`, in the turn of the batch that they concern
 */
export async function* trainBatches(options: TrainBatches, stageStep: number): AsyncGenerator<Batch, void> {
  const { source, augment, targets, key, plan, change, mix, again, weightOf } = options
  const { size } = augment.model
  const end = plan.totalSteps ?? Infinity
  const epochOf = remembering((epoch: number) => {
    const entries = again ? joined(targets.samples, again()) : targets.samples
    const order = orderOf(entries, { ...key, epoch }, weightOf)
    const views = [{ plan: augment, scope: augmentScope({ ...key, epoch }) }]
    return { order, turns: turnsOf(order), views }
  })
  const make = async (step: number): Promise<Batch> => {
    const { order, turns, views } = epochOf(Math.floor(step / plan.stepsPerEpoch))
    const start = (step % plan.stepsPerEpoch) * plan.batch
    const end = start + plan.batch
    const own = order.slice(start, end)
    const images = await source.make(own, views, turns.slice(start, end))
    const labels = targets.labelsOf(own)
    const teacher = targets.teacherOf?.(own) ?? null
    const drawKey = streamKey(...scopeOf(key), 'dataset', step)
    change?.({ images, labels }, (i) => uniform(drawKey, i))
    const blend = mix && mixBatch(mix, mixScope(key, step), { images, labels, teacher }, { n: own.length, size })
    return { samples: own, images, labels, teacher, blend }
  }
  const ahead = source.batchesAhead(plan.batch * size * size * 3, plan.stepsPerEpoch)
  for (let step = stageStep; step < end;) {
    // What the next epoch has twice is known when this one is through: nothing of it is made before.
    const border = again ? step - (step % plan.stepsPerEpoch) + plan.stepsPerEpoch : end
    yield* prefetch(step, Math.min(border, end), ahead, make)
    step = border
  }
}

/** One list after the other. */
function joined(first: Int32Array, second: Int32Array): Int32Array {
  const all = new Int32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}
