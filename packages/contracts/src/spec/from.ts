import { z } from 'zod'
import { FoldRef } from '../ids.ts'
import { modelsOf } from './model.ts'
import type { ModelChoice } from './model.ts'
import type { AddFault } from './parts.ts'
import type { TargetsSpec } from './targets.ts'

/**
 * The experiment, or the fold of one, whose weights training starts with. Without a fold, each fold starts with those of
 * the same fold there.
 */
export const FromSpec = FoldRef.nullable().default(null)

/**
 * What is taken of it. `best`: the weights of its best evaluation, of a completed fold. `last`: weights and optimizer
 * slots of its newest checkpoint, also of a fold that is not completed.
 */
export const FromCheckpointSpec = z.enum(['best', 'last']).default('best')

export function checkFrom(
  { from, model, targets }: { from: string | null; model: ModelChoice; targets: TargetsSpec },
  fault: AddFault,
): void {
  if (from === null) return
  if (targets.pseudo !== null)
    fault(
      ['from'],
      'a model that starts with weights of others confirms their pseudo labels; remove `from`, or `targets.pseudo`',
    )
  if (modelsOf({ model }).some(({ weights }) => weights !== null))
    fault(['from'], '`model.weights` says what to start with, too; remove one of the two')
}
