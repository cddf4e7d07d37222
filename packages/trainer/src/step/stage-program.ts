import type { ExperimentSpec, Precision, StageSpec, TrainingEnvironment } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { Feeds, Program } from '@baton/graph-step'
import {
  byteTensor,
  compiledProgram,
  eagerProgram,
  hasGraphs,
  installNativeGradients,
  readTensor,
} from '@baton/graph-step'
import { streamKey } from '@baton/random'
import type { Tf } from '@baton/tensorflow'
import { trainSize } from '../data/augment/model-picture.ts'
import { buildLoss } from '../losses/build.ts'
import type { LabelColumns } from '../losses/positive-weights.ts'
import type { BundleModule } from '../models/bundle.ts'
import { trainedGroups, trainedVariables } from '../models/groups.ts'
import { isOutOfMemory } from '../models/guard-bundle.ts'
import type { Model, NamedTensors } from '../models/model.ts'
import { createOptimizer } from '../optimizers/optimizer.ts'
import type { StepRates } from '../optimizers/optimizer.ts'
import { createAverage } from './average.ts'
import { compose } from './compose.ts'
import { lrScales } from './lr-scale.ts'
import { createGathered } from './gathered.ts'
import { joinFloats } from './join-floats.ts'
import { createLossScale, LEAST_SCALE } from './loss-scale.ts'
import { createStageState } from './stage-state.ts'
import type { Snapshot } from './stage-state.ts'
import { lastPartRows, splitBatch } from './train-batch.ts'
import type { TrainBatch } from './train-batch.ts'

const computeDtypes = { fp32: 'float32', bf16: 'bfloat16', fp16: 'float16' } as const

export interface StageProgramOptions {
  readonly tf: Tf
  /** Lives through all stages of a fold; a program changes its variables and does not dispose them. */
  readonly model: Model
  readonly stage: StageSpec
  readonly spec: Pick<ExperimentSpec, 'image' | 'targets' | 'ema' | 'evaluate' | 'knn'>
  /** Columns of the label groups among the labels. */
  readonly labelColumns: readonly LabelColumns[]
  /** Decides what dropout draws; give each fold its own. */
  readonly seed: number
  readonly bundle?: BundleModule
  /** Default compiled, where TensorFlow's library computes. */
  readonly execution?: TrainingEnvironment['execution']
  /** Of training. Default fp32; what runs eagerly is fp32 whatever it says. */
  readonly precision?: Precision
  /** Takes a line for each thing that runs eagerly though it was to be compiled, saying why. */
  readonly log?: (line: string) => void
}

export interface StepResult {
  /** The mean over the batch. */
  readonly loss: number
  /** Of each sample, [n]; null where a bundle's loss gives only their mean. */
  readonly losses: Float32Array | null
  /** Length of all gradients together, before they are clipped. */
  readonly gradNorm: number
  /** What the loss was multiplied by to get the gradients; null where it was not. */
  readonly lossScale: number | null
}

/**
 * Whether gradients overflowed by their scale: then weights, statistics and slots are what they were, and the step counts
 * as no update. With a scale that could not be lower it is no fault of the scale.
 */
export function isSkipped({ gradNorm, lossScale }: StepResult): boolean {
  return lossScale !== null && lossScale > LEAST_SCALE && !Number.isFinite(gradNorm)
}

/** What a prediction is made by. */
export type Predictor = 'weights' | 'average'

export interface Embedded {
  readonly probabilities: Float32Array // [n, classes]
  readonly embeddings: Float32Array // [n, width]
}

/** The training step of one stage, with its state. */
export interface StageProgram {
  /**
   * One optimizer step. A pure function of the state, the batch, the rates and the step: two programs of equal state
   * that take equal steps stay equal byte for byte.
   *
   * @param step Counts over the fold's whole training, 0-based.
   * @throws {AppError} `user-code-failed`, `out-of-memory` during a step; the state is not to be used after that
   */
  train(batch: TrainBatch, rates: StepRates, step: number): StepResult
  /**
   * Makes ready for steps of n samples, before a batch or the state is there: the first of them takes less time then. A
   * code bundle's code is run for it, which wants its state.
   *
   * @returns How they run.
   * @throws {AppError} `user-code-failed`
   */
  prepare(n: number): TrainingEnvironment['execution']
  /**
   * Probabilities, [n, classes], in inference: nothing moves, and a sample's do not depend on the others'.
   *
   * @param images RGB, 0 to 255. [n, size, size, 3]
   * @param by The weights as they are, or their averages, where the spec has any.
   * @throws {AppError} `user-code-failed`, `out-of-memory`
   */
  predict(images: Uint8Array, n: number, by?: Predictor): Float32Array
  /**
   * Probabilities by the weights as `predict` gives them, and what the head makes them of: a vector a picture, the mean
   * over a map. For a spec with `knn`.
   *
   * @throws {AppError} `user-code-failed`, `out-of-memory`
   */
  embed(images: Uint8Array, n: number): Embedded
  /**
   * A copy of all that training here and in later stages depends on: weights with normalisation statistics, their
   * averages, and optimizer slots by variable name, those of earlier stages too.
   */
  state(): NamedTensors
  /**
   * The same, read tensor by tensor: taking it costs next to nothing, and steps between two reads do not change it. So a
   * training goes on while its state is being copied.
   *
   * @param isWanted By name; all where it is left out.
   */
  snapshot(isWanted?: (name: string) => boolean): Snapshot
  /**
   * Takes up a state of `state`, also of another stage of the same model. Slots that it lacks start afresh; slots that
   * this stage has no use for are kept, and given back by `state`.
   *
   * @throws {AppError} `checkpoint-corrupt`, naming the weight that is missing, unknown or of another shape; nothing
   *   is changed then
   */
  restore(state: NamedTensors): void
  /**
   * Whether a tensor of the state is the same after any step of this stage: weights of layer groups that it does not
   * train, with their statistics, and slots that are kept for other stages. An average is not: it moves towards its weight.
   */
  isFrozen(name: string): boolean
  /** Makes the stage's optimizer forget: its slots are what they are before the first step. */
  resetOptimizer(): void
  /** Frees slots and averages. The model is its owner's. */
  dispose(): void
}

/** @throws {AppError} `user-code-failed`, when the bundle's loss is missing or fails; `spec-invalid`, when the stage does not fit model or labels */
export function createStageProgram(options: StageProgramOptions): StageProgram {
  const { tf, model, stage, spec, labelColumns, seed, bundle, execution = 'compiled', log = () => undefined } = options
  const { precision = 'fp32' } = options
  const classes = labelColumns.at(-1)!.end
  installNativeGradients(tf)
  const loss = buildLoss(stage.loss, { tf, labelColumns, bundle })
  const targets = trainedVariables(model, stage)
  const scales = lrScales(model, stage)
  const optimizer = createOptimizer(tf, stage.optimizer, targets, (group) => scales.get(group)!)
  const average = spec.ema && createAverage(tf, spec.ema, model)
  const { distill } = spec.targets
  const teacher = distill?.form === 'mix' ? distill : null
  const gathered = stage.accumulate === 1 ? null : createGathered(tf, targets)
  const lossScale = precision === 'fp16' ? createLossScale(tf) : null
  const computeDtype = computeDtypes[precision]
  const embeds = spec.knn !== null
  const made = { loss, teacher, targets, optimizer, average, gathered, lossScale, computeDtype, embeds }
  const trusted = bundle === undefined
  const composed = compose({ tf, model, stage, image: spec.image, classes, trusted, ...made })
  const isCompiled = execution === 'compiled' && hasGraphs(tf)
  const program = isCompiled ? compiledProgram(tf, composed, log) : eagerProgram(tf, composed)
  const size = trainSize(stage, spec.image)
  // 30 bits, as statelessUniform asks. Every part of a batch draws dropout of its own.
  const dropoutKeys = Array.from(
    { length: stage.accumulate },
    (_, part) => streamKey(seed, 'dropout', ...(part === 0 ? [] : [part]))[0] >>> 2,
  )
  const imagesOf = (images: Uint8Array, n: number, side: number) => byteTensor(tf, images, [n, side, side, 3])
  const feedsOf = ({ images, labels, teacher: said, blend, n }: TrainBatch, whole: TrainBatch): Feeds => ({
    images: imagesOf(images, n, size),
    labels: tf.tensor2d(labels.slice(), [n, classes]),
    ...(said ? { teacher: tf.tensor2d(said.slice(), [n, classes]) } : {}),
    ...(blend && {
      partners: imagesOf(blend.partners, n, size),
      lambda: tf.tensor1d(blend.lambda.slice()),
    }),
    ...(gathered && { share: tf.scalar(n / whole.n) }),
  })
  /** The rows of each output for the pictures that were given. */
  const predicted = (signature: string, images: Uint8Array, n: number): Record<string, Float32Array> => {
    const parts = predictedParts(images, n, spec.evaluate.batch, isCompiled)
    const outputs = parts.map((part) =>
      runAndRead(tf, program, signature, { images: imagesOf(part.images, part.rows, spec.image.size) }),
    )
    const ownRows = (values: Float32Array, i: number) => {
      const { n: own, rows } = parts[i]!
      return values.subarray(0, (values.length / rows) * own)
    }
    const names = Object.keys(outputs[0]!)
    return Object.fromEntries(names.map((name) => [name, joinFloats(outputs.map((out, i) => ownRows(out[name]!, i)))]))
  }
  return {
    train(batch, rates, step) {
      const parts = splitBatch(batch, stage.accumulate)
      const done = parts.map((part, i) => {
        const feeds = { ...feedsOf(part, batch), seed: tf.tensor1d([dropoutKeys[i]!, step], 'int32') }
        if (i < parts.length - 1) return runAndRead(tf, program, 'gather', feeds)
        const update = { rates: optimizer.rates(rates), ...(average && { average: average.rate(step) }) }
        return runAndRead(tf, program, 'train', { ...feeds, ...update })
      })
      const result = joined(done, parts, batch.n)
      if (!isSkipped(result)) optimizer.count()
      return result
    },
    prepare(n) {
      try {
        return program.prepare('train', lastPartRows(n, stage.accumulate)) ? 'compiled' : 'eager'
      } catch (error) {
        if (!isOutOfMemory(error)) throw error
        // The step meets it again, and says what it was doing.
        return execution
      }
    },
    predict: (images, n, by = 'weights') =>
      predicted(by === 'average' ? 'predictByAverage' : 'predict', images, n).probabilities!,
    embed(images, n) {
      const { probabilities, embeddings } = predicted('embed', images, n)
      return { probabilities: probabilities!, embeddings: embeddings! }
    },
    ...createStageState({ tf, program, optimizer, model, average, lossScale, frozen: frozenWeights(model, stage) }),
    dispose() {
      program.dispose()
      optimizer.dispose()
      loss.dispose()
      average?.dispose()
      gathered?.dispose()
      lossScale?.dispose()
    },
  }
}

function frozenWeights(model: Model, stage: StageSpec): Set<string> {
  const trained = trainedGroups(model, stage)
  return new Set(model.variables.filter(({ group }) => !trained.has(group)).map(({ name }) => name))
}

/**
 * Pictures in parts of at most so many; n are given in each. A graph is for so many rows: for one, the last part is filled
 * up with black ones, and no prediction depends on how many there were.
 */
function predictedParts(
  images: Uint8Array,
  n: number,
  rows: number,
  isFilled: boolean,
): { images: Uint8Array; n: number; rows: number }[] {
  const bytes = images.length / n
  return Array.from({ length: Math.ceil(n / rows) }, (_, i) => {
    const own = images.subarray(i * rows * bytes, (i + 1) * rows * bytes)
    const count = own.length / bytes
    if (!isFilled || count === rows) return { images: own, n: count, rows: count }
    const filled = new Uint8Array(rows * bytes)
    filled.set(own)
    return { images: filled, n: count, rows }
  })
}

/** What the parts of a batch of n rows say together. The gradients' length is that of all, which the last part knows. */
function joined(done: readonly Record<string, Float32Array>[], parts: readonly TrainBatch[], n: number): StepResult {
  const losses = done.map((outputs) => outputs.losses)
  return {
    loss: done.reduce((sum, { loss }, i) => sum + (parts[i]!.n / n) * loss![0]!, 0),
    losses: losses[0] ? Float32Array.from(losses.flatMap((own) => [...own!])) : null,
    gradNorm: done.at(-1)!.gradNorm![0]!,
    lossScale: done.at(-1)!.lossScale?.[0] ?? null,
  }
}

/** What a signature is run for, as a failure says it. */
function duringOf(signature: string): 'step' | 'prediction' {
  return signature === 'train' || signature === 'gather' ? 'step' : 'prediction'
}

/** Runs a signature, reads its outputs, and disposes them and the feeds. */
function runAndRead(tf: Tf, program: Program, signature: string, feeds: Feeds): Record<string, Float32Array> {
  try {
    const outputs = program.run(signature, feeds)
    const values = Object.entries(outputs).map(([name, output]) => [name, readTensor(tf, output) as Float32Array])
    tf.dispose(Object.values(outputs))
    return Object.fromEntries(values) as Record<string, Float32Array>
  } catch (cause) {
    if (isOutOfMemory(cause)) throw new AppError('out-of-memory', { during: duringOf(signature) }, { cause })
    throw cause
  } finally {
    tf.dispose(Object.values(feeds))
  }
}
