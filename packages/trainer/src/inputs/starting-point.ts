import type { Tf } from '@baton/tensorflow'
import { loadWeights } from '../models/load-weights.ts'
import { HEAD } from '../models/model.ts'
import type { Model, NamedTensor, NamedTensors } from '../models/model.ts'
import { readWeights } from '../models/read-weights.ts'
import { isOptimizerSlot } from '../optimizers/optimizer.ts'
import { readTensors, unusable } from './local-input.ts'
import type { LocalInput } from './local-input.ts'

/** What a training begins with instead of the model's own initial values. */
export interface StartingPoint {
  /** For people: what was taken. */
  readonly text: string
  /** Optimizer slots by variable name; the first stage that trains a variable goes on with its slots. */
  readonly slots: NamedTensors
}

/**
 * Gives a model the weights that its training starts with, by name. The head starts afresh where the input says so, or
 * where the file's is of another shape.
 *
 * @returns Null when there are none: the model keeps its initial values.
 * @throws {AppError} `weights-unfit`, `input-unusable`
 */
export async function takeStartingPoint(
  tf: Tf,
  model: Model,
  inputs: readonly LocalInput[],
): Promise<StartingPoint | null> {
  // Several: what the stage of a checkpoint left as it was lies in a file of its own.
  const given = inputs.flatMap(({ input, path }) => (input.kind === 'weights' ? [{ input, path }] : []))
  const input = given[0]?.input
  if (!input) return null
  const weights = given.filter((other) => other.input.use === input.use)
  const head = new Set(model.variables.filter(({ group }) => group === HEAD).map(({ name }) => name))
  const read = await Promise.all(weights.map(({ path }) => readWeights(path)))
  const tensors = read.flatMap((part) => [...part]).filter(([name]) => input.part === 'all' || !head.has(name))
  const { fresh } = loadWeights(tf, model, new Map(tensors))
  const slots = inputs.filter(({ input: other }) => other.kind === 'slots')
  const taken = fresh.length > 0 ? 'the weights of the body' : 'the weights'
  return {
    text: `starts with ${taken} of ${input.source}${slots.length > 0 ? ', and its optimizer slots' : ''}`,
    slots: new Map((await Promise.all(slots.map((file) => readSlots(file, fresh)))).flatMap((part) => [...part])),
  }
}

/** Slots by name; those of variables that start afresh are left out, and what else stands beside slots in a checkpoint. */
async function readSlots(file: LocalInput, fresh: readonly string[]): Promise<NamedTensors> {
  const slots = new Map<string, NamedTensor>()
  for (const [name, { shape, data }] of await readTensors(file)) {
    if (!isOptimizerSlot(name)) continue
    if (!(data instanceof Float32Array)) throw unusable(file.input, `hold no float32 in ${name}`)
    if (!fresh.some((variable) => name.endsWith(`/${variable}`))) slots.set(name, { shape, data })
  }
  return slots
}
