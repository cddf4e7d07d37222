import type { ExperimentInput } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { HEAD } from '../models/model.ts'
import type { Model, ModelVariable, NamedTensor, NamedTensors } from '../models/model.ts'
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
 * Gives a model the weights that its training starts with, by name. The head starts afresh where the input says so.
 *
 * @returns Null when there are none: the model keeps its initial values.
 * @throws {AppError} `input-unusable`, naming a weight that is missing or has another shape
 */
export async function takeStartingPoint(
  tf: Tf,
  model: Model,
  inputs: readonly LocalInput[],
): Promise<StartingPoint | null> {
  const weights = inputs.find(({ input }) => input.kind === 'weights')
  if (!weights) return null
  const { input } = weights
  const tensors = await readFloats(weights)
  const isBody = input.kind === 'weights' && input.part === 'body'
  const wanted = model.variables.filter(({ group }) => !(isBody && group === HEAD))
  for (const { name, variable } of wanted) checkTensor(input, name, variable.shape, tensors.get(name))
  for (const { name, variable } of wanted)
    tf.tidy(() => variable.assign(tf.tensor(tensors.get(name)!.data, variable.shape)))
  const slots = inputs.find(({ input: other }) => other.kind === 'slots')
  return {
    text: `starts with ${isBody ? 'the body' : 'the weights'} of ${input.source}${slots ? ' and its optimizer slots' : ''}`,
    slots: slots ? ofVariables(wanted, await readFloats(slots)) : new Map(),
  }
}

/** The slots of these variables; those of a head that starts afresh are left out. */
function ofVariables(variables: readonly ModelVariable[], slots: NamedTensors): NamedTensors {
  return new Map([...slots].filter(([slot]) => variables.some(({ name }) => slot.endsWith(`/${name}`))))
}

async function readFloats(file: LocalInput): Promise<Map<string, NamedTensor>> {
  const tensors = await readTensors(file)
  return new Map(
    Array.from(tensors, ([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw unusable(file.input, `hold no float32 in ${name}`)
      return [name, { shape, data }]
    }),
  )
}

function checkTensor(
  input: ExperimentInput,
  name: string,
  shape: readonly number[],
  tensor: NamedTensor | undefined,
): void {
  if (!tensor) throw unusable(input, `lack ${name}: they are of another model`)
  if (tensor.shape.join() !== shape.join())
    throw unusable(input, `have ${name} of shape [${tensor.shape.join(', ')}]; this model's is [${shape.join(', ')}]`)
}
