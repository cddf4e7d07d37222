import type { Fold } from '@baton/contracts'

/**
 * Seconds until all folds are done, as far as those that train now can tell; null while none does.
 *
 *   eta = max(longest of those that train, (rest of those that train + waiting · mean length) / how many train)
 *
 * A waiting fold is taken to last as long as those that train last on average, less what it has done already.
 */
export function etaSeconds(folds: readonly Fold[]): number | null {
  const training = folds.flatMap(({ status, progress }) => {
    const rest = progress?.etaSeconds
    if (status !== 'leased' || progress === null || typeof rest !== 'number') return []
    const left = Math.max(1, progress.totalSteps - progress.step)
    return [{ rest, whole: (rest * progress.totalSteps) / left }]
  })
  if (training.length === 0) return null
  const whole = sum(training.map((fold) => fold.whole)) / training.length
  const waiting = folds.filter(
    ({ status, progress }) => status === 'ready' || (status === 'leased' && typeof progress?.etaSeconds !== 'number'),
  )
  const rests = training.map(({ rest }) => rest)
  const shared = (sum(rests) + sum(waiting.map((fold) => whole * (1 - shareDone(fold))))) / training.length
  return Math.max(shared, ...rests)
}

/** Share of a fold's steps that are done, 0 to 1. */
function shareDone({ progress }: Fold): number {
  return progress !== null && progress.totalSteps > 0 ? Math.min(1, progress.step / progress.totalSteps) : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
