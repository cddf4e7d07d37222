import { z } from 'zod'
import { ExperimentSpec } from '../spec/experiment.ts'
import type { ExperimentSpecInput } from '../spec/experiment.ts'
import type { RecipeName } from '../spec/recipe.ts'
import { fillInRecipe } from './fill-in.ts'

/** A spec as it is written: what it leaves out is filled in by its `recipe` first, then by defaults. */
export const WrittenSpec = z.preprocess(fillInRecipe, ExperimentSpec) as unknown as z.ZodType<
  ExperimentSpec,
  WrittenSpecInput
>
type Named = Pick<ExperimentSpecInput, 'name' | 'dataset'>
export type WrittenSpecInput =
  ExperimentSpecInput | (Named & { readonly recipe: RecipeName } & Readonly<Record<string, unknown>>)
