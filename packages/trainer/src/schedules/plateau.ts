import type { PlateauState, ScheduleSpec } from '@baton/contracts'

type Plateau = ScheduleSpec & { name: 'plateau' }

/** What an evaluation means for the rate. */
export interface PlateauVerdict {
  readonly state: PlateauState
  readonly drops: boolean
  /** The rate has dropped as often as it may, and again nothing was gained: the stage ends. */
  readonly isOver: boolean
}

export const freshPlateau: PlateauState = { best: null, wait: 0, cooldown: 0, drops: 0 }

/**
 * Counts evaluations without gain, and drops the rate after `patience` of them.
 *
 * PyTorch's `ReduceLROnPlateau` in mode max with an absolute threshold, whose patience is one less: it counts the
 * evaluations that are borne, ours the one at which the rate drops, as early stopping does.
 *
 * @param score Higher is better.
 * @see https://github.com/lopuhin/kaggle-imet-2019: /5 after 4 without gain, at most 2 drops, optimizer made anew
 */
export function weighPlateau(state: PlateauState, score: number, schedule: Plateau): PlateauVerdict {
  const { patience, minGain, cooldown, maxDrops } = schedule
  const isGain = state.best === null || score > state.best + minGain
  const isCooling = state.cooldown > 0
  const wait = isGain || isCooling ? 0 : state.wait + 1
  const next = { ...state, best: isGain ? score : state.best, wait, cooldown: Math.max(0, state.cooldown - 1) }
  if (wait < patience) return { state: next, drops: false, isOver: false }
  if (state.drops === maxDrops) return { state: next, drops: false, isOver: true }
  return { state: { ...next, wait: 0, cooldown, drops: state.drops + 1 }, drops: true, isOver: false }
}

/** lr(t) = max(lrMin, lr · factor^drops) */
export function plateauLr({ lr, lrMin, factor }: Plateau, drops: number): number {
  return Math.max(lrMin, lr * factor ** drops)
}
