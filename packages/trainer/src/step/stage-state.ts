import type { Tensor } from '@tensorflow/tfjs'
import { AppError } from '@baton/contracts'
import type { Program } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { Model, NamedTensor, NamedTensors } from '../models/model.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import type { Average } from './average.ts'
import type { LossScale } from './loss-scale.ts'
import { readInParts } from './read-in-parts.ts'
import { isWeight } from './state-names.ts'

/**
 * A state as it was when it was taken. A tensor is copied, and what it stood on freed, when it is read: read them all.
 * Null comes after each part of a large one, before it is whole: no turn takes long.
 */
export type Snapshot = Generator<[name: string, tensor: NamedTensor] | null, void>

/** All of a snapshot at once. */
function wholeOf(snapshot: Snapshot): NamedTensors {
  return new Map([...snapshot].filter((part) => part !== null))
}

interface StageStateOptions {
  readonly tf: Tf
  readonly program: Program
  readonly optimizer: Optimizer
  readonly model: Model
  readonly average: Average | null
  readonly lossScale: LossScale | null
  /** Weights that the stage does not change, by name. */
  readonly frozen: ReadonlySet<string>
}

/**
 * What a stage's program saves and takes up, by name: its own state, and beside it the slots of variables that the
 * stage does not train or of another optimizer, which a later stage may want.
 */
export function createStageState({ tf, program, optimizer, model, average, lossScale, frozen }: StageStateOptions): {
  readonly snapshot: (isWanted?: (name: string) => boolean) => Snapshot
  readonly state: () => NamedTensors
  readonly restore: (state: NamedTensors) => void
  readonly resetOptimizer: () => void
  readonly isFrozen: (name: string) => boolean
} {
  const weights = new Map(model.variables.map(({ name, variable }) => [name, variable.shape]))
  const beside = [...optimizer.state, ...(average?.state ?? []), ...(lossScale?.state ?? [])]
  const slots = new Map(beside.map(({ name, variable }) => [name, variable.shape]))
  let kept: NamedTensors = new Map()
  const isSaved = (name: string) => weights.has(name) || slots.has(name)
  const snapshot = (isWanted: (name: string) => boolean = () => true) => {
    const others = [...kept, ...optimizer.counts()].filter(([name]) => isWanted(name))
    const dumped = program.dump((name) => isSaved(name) && isWanted(name))
    return readSnapshot(tf, dumped, others)
  }
  const state = () => wholeOf(snapshot())

  function restore(state: NamedTensors): void {
    checkNames(weights, state)
    for (const [name, shape] of [...weights, ...slots]) checkShape(name, shape, state.get(name))
    const fresh = [...slots]
      .filter(([name]) => !state.has(name))
      .map(([name, shape]) => [name, lossScale?.first.get(name) ?? zeros(tf, shape)] as const)
    const own = new Map([...fresh, ...[...state].filter(([name]) => isSaved(name))])
    restoreTensors(tf, program, own)
    optimizer.restoreCounts(state)
    const counted = optimizer.counts()
    kept = new Map([...state].filter(([name]) => !own.has(name) && !counted.has(name)))
  }

  return {
    snapshot,
    state,
    restore,
    isFrozen: (name) => frozen.has(name) || kept.has(name),
    resetOptimizer() {
      const own = new Set([...optimizer.state.map(({ name }) => name), ...optimizer.counts().keys()])
      restore(wholeOf(snapshot((name) => !own.has(name))))
    },
  }
}

function* readSnapshot(tf: Tf, dumped: Map<string, Tensor>, others: Iterable<[string, NamedTensor]>): Snapshot {
  for (const [name, { shape, data }] of others) yield [name, { shape, data: data.slice() }]
  for (const [name, tensor] of dumped) {
    const data = yield* readInParts(tf, tensor)
    tensor.dispose()
    yield [name, { shape: tensor.shape, data }]
  }
}

/** All weights and no unknown ones; slots and averages may be of any stage. */
function checkNames(weights: ReadonlyMap<string, unknown>, state: NamedTensors): void {
  const missing = [...weights.keys()].find((name) => !state.has(name))
  if (missing !== undefined) throw corrupt(missing, 'is missing from the state')
  const unknown = [...state.keys()].find((name) => !weights.has(name) && isWeight(name))
  if (unknown !== undefined) throw corrupt(unknown, 'is not a weight of this model')
}

function checkShape(name: string, shape: readonly number[], value: NamedTensor | undefined): void {
  if (value && value.shape.join() !== shape.join())
    throw corrupt(name, `has shape [${value.shape.join(', ')}], not [${shape.join(', ')}]`)
}

function corrupt(tensor: string, problem: string): AppError {
  return new AppError('checkpoint-corrupt', { tensor }, { detail: `${tensor} ${problem}` })
}

function zeros(tf: Tf, shape: readonly number[]): NamedTensor {
  return { shape, data: new Float32Array(tf.util.sizeFromShape([...shape])) }
}

function restoreTensors(tf: Tf, program: Program, values: NamedTensors): void {
  const tensors = new Map([...values].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]))
  program.restore(tensors)
  tf.dispose([...tensors.values()])
}
