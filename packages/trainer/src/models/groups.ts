import type { Tensor } from '@tensorflow/tfjs'
import type { StageSpec } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import type { Layers } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Model, ModelVariable, Pass } from './model.ts'

/** What a model's groups are made with. */
export interface GroupTools {
  readonly tf: Tf
  /** Makes the layers of the layer group `name`, whose names begin with `prefix/`: by default the group's own name. */
  readonly layersOf: (name: string, prefix?: string) => Layers
  readonly classes: number
  /** Side of the images that predictions are made of, in pixels. */
  readonly imageSize: number
  /** Sides of those that stages train with: a model has to take each of them, by pooling over all of a map say. */
  readonly imageSizes: readonly number[]
}

/**
 * Holds groups to what stages rely on: names of one word, each once, the last `head`, and no variable of another group.
 *
 * @throws {Error} saying what is wrong
 */
export function checkGroups(groups: readonly LayerGroup[], made: readonly ModelVariable[]): void {
  const names = groups.map(({ name }) => name)
  const list = names.join(', ')
  if (names.at(-1) !== HEAD) throw new Error(`the last layer group must be named ${HEAD}; there are: ${list || 'none'}`)
  const odd = names.find((name, i) => !/^[\w.-]+$/.test(name) || names.indexOf(name) !== i)
  if (odd !== undefined) throw new Error(`layer groups are named by one word each, and each once: ${list}`)
  const lost = made.find(({ group }) => !names.includes(group))
  if (lost) throw new Error(`the variable ${lost.name} belongs to the layer group ${lost.group}; there are: ${list}`)
}

/** What the last of these groups gives for what the first one takes. */
export function runGroups(groups: readonly LayerGroup[], x: Tensor, passOf: (group: LayerGroup) => Pass): Tensor {
  return groups.reduce((features, group) => group.run(features as never, passOf(group)), x)
}

/**
 * The layer groups that a stage trains.
 *
 * @throws {AppError} `spec-invalid`, when the stage names a group that the model does not have
 */
export function trainedGroups({ groups }: Pick<Model, 'groups'>, { name, train }: StageSpec): ReadonlySet<string> {
  const names = groups.map((group) => group.name)
  if (train === 'all') return new Set(names)
  if (train === 'head') return new Set(names.slice(-1))
  if (train === 'last-two') return new Set(names.slice(-2))
  const unknown = train.find((group) => !names.includes(group))
  if (unknown === undefined) return new Set(train)
  const detail = `stage ${name} trains the layer group ${unknown}, which the model lacks; it has ${names.join(', ')}`
  throw new AppError('spec-invalid', { stage: name, group: unknown, groups: names }, { detail })
}

/** The variables that a stage trains: all of its groups but the normalisation's statistics. */
export function trainedVariables(model: Pick<Model, 'groups' | 'variables'>, stage: StageSpec): ModelVariable[] {
  const trained = trainedGroups(model, stage)
  return model.variables.filter(({ role, group }) => role !== 'statistic' && trained.has(group))
}
