import { z } from 'zod'
import { fillInRecipe } from '../recipes/fill-in.ts'
import { ExperimentSpec } from './experiment.ts'
import type { ExperimentSpecInput } from './experiment.ts'
import type { RecipeName } from './recipe.ts'

/** A spec as it is written: what it leaves out is filled in by its `recipe` first, then by defaults. */
export const WrittenSpec = z.preprocess(fillInRecipe, ExperimentSpec) as unknown as z.ZodType<
  ExperimentSpec,
  WrittenSpecInput
>
type Named = Pick<ExperimentSpecInput, 'name' | 'dataset'>
export type WrittenSpecInput =
  ExperimentSpecInput | (Named & { readonly recipe: RecipeName } & Readonly<Record<string, unknown>>)
