import { z } from 'zod'
import { recipeNames } from '../recipes/names.ts'

/**
 * The recipe that filled in what the spec left out; null: none did. The spec that is stored says all of it, so a recipe
 * that is changed later changes no experiment.
 */
export const RecipeSpec = z.enum(recipeNames).nullable().default(null)
export type RecipeName = (typeof recipeNames)[number]
