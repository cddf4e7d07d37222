import { z } from 'zod'
import type { AddFault } from './parts.ts'

export const FoldsSpec = z.strictObject({
  count: z.int().min(2).max(50),
  /**
   * `stratified`: multilabel-stratified (Sechidis 2011); `greedy`: by each sample's rarest label; `random`: shuffled;
   * `grouped`: the same of a dataset that has groups; `column`: the folds that the dataset says. All keep groups whole.
   */
  split: z.enum(['stratified', 'greedy', 'random', 'grouped', 'column']).default('stratified'),
  /** Train these folds only (0-based); CV is then over their part of the samples. */
  only: z.array(z.int().nonnegative()).min(1).optional(),
})
export type FoldsSpec = z.infer<typeof FoldsSpec>

export function checkFolds({ count, only = [] }: FoldsSpec, fault: AddFault): void {
  only.forEach((fold, i) => {
    if (fold >= count) fault(['only', i], `fold ${fold} does not exist: folds are 0 to ${count - 1}`)
    if (only.indexOf(fold) !== i) fault(['only', i], `fold ${fold} is listed twice`)
  })
}

/** The folds an experiment trains, 0-based and ascending. */
export function foldsOf(spec: { readonly folds: FoldsSpec }): number[] {
  return spec.folds.only?.toSorted((a, b) => a - b) ?? Array.from({ length: spec.folds.count }, (_, i) => i)
}
