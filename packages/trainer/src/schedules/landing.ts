import type { Landing } from '@baton/contracts'
import { progressOver } from './progress-over.ts'

/**
 * Part of a stage of so many hours that lies behind its step t, told by the decision on its end that holds: from what lay
 * behind when that was made, in even steps to 1 at the end.
 *
 *   p(t) = pₖ + (1 − pₖ)(t − sₖ)/(Eₖ − sₖ);  0 before the first decision and through the warm-up
 *
 * @param start The end of the warm-up, as a step of the stage.
 */
export function landingProgress(t: number, landing: Landing | null, start: number): number {
  if (landing === null) return 0
  const { step, progress, end } = landing
  return progress + (1 - progress) * progressOver(t, Math.max(step, start), end)
}
