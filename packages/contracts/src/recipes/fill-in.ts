import { isAnother, isObject } from '../merge-patch.ts'
import { recipeNames } from './names.ts'
import { recipes } from './recipes.ts'

/** Fields of which a spec gives one: its own takes the place of the recipe's. */
const alternatives = [
  ['epochs', 'steps', 'samples', 'hours'],
  ['everyEpochs', 'everySteps'],
  ['warmupSteps', 'warmupEpochs'],
  ['decay', 'slice', 'groups'],
] as const

/**
 * A spec as it is written with what its `recipe` says of all that it leaves out. Its own fields win, at any depth; an
 * option of another `name` is not mixed with the recipe's.
 *
 * `stages` as a list says which stages there are: each is filled in from the recipe's of the same name. As an object it
 * changes the recipe's by name: null takes one out, an unknown name adds one at the end.
 *
 * A value that names no recipe is returned as it is: the schema says what is wrong with it.
 */
export function fillInRecipe(written: unknown): unknown {
  if (!isObject(written)) return written
  const name = recipeNames.find((known) => known === written.recipe)
  if (name === undefined) return written
  const { stages, ...rest } = recipes[name]
  const { stages: ownStages, ...own } = written
  return { ...(filled(own, rest) as object), stages: fillInStages(ownStages, stages) }
}

type Stages = readonly { readonly name: string }[]

function fillInStages(own: unknown, recipe: Stages): unknown {
  if (own === undefined) return recipe
  const named = (name: unknown) => recipe.find((stage) => stage.name === name)
  if (Array.isArray(own))
    return own.map((stage: unknown) => filled(stage, isObject(stage) ? named(stage.name) : undefined))
  if (!isObject(own)) return own
  const kept = recipe.flatMap((stage) => {
    if (!Object.hasOwn(own, stage.name)) return [stage]
    return own[stage.name] === null ? [] : [filled(own[stage.name], stage)]
  })
  const added = Object.entries(own).filter(([name, stage]) => named(name) === undefined && stage !== null)
  return [...kept, ...added.map(([name, stage]) => (isObject(stage) ? { name, ...stage } : stage))]
}

/** Null is a value here, and no taking away: a spec's `clipNorm: null` is not the recipe's. */
function filled(own: unknown, recipe: unknown): unknown {
  if (own === undefined) return recipe
  if (!isObject(own) || !isObject(recipe) || isAnother(own, recipe)) return own
  const gone = new Set<string>(
    alternatives.filter((fields) => fields.some((field) => Object.hasOwn(own, field))).flat(),
  )
  const left = Object.entries(recipe).filter(([key]) => !gone.has(key) || Object.hasOwn(own, key))
  const merged = new Map<string, unknown>(left)
  for (const [key, value] of Object.entries(own)) merged.set(key, filled(value, merged.get(key)))
  return Object.fromEntries(merged)
}
