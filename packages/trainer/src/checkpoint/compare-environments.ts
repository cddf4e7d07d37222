import type { TrainingEnvironment } from '@baton/contracts'

/**
 * What differs between the environment that made a checkpoint and the one that resumes it, as one line for a person;
 * null when nothing does, and the training goes on to the bytes it would have had anyway.
 */
export function differenceOf(saved: TrainingEnvironment, now: TrainingEnvironment): string | null {
  const names = Object.keys(saved) as (keyof TrainingEnvironment)[]
  const changed = names.filter((name) => saved[name] !== now[name])
  if (changed.length === 0) return null
  const list = changed.map((name) => `${name} ${saved[name]} → ${now[name]}`).join(', ')
  return (
    `resumed in another environment (${list}): from here on weights, scores and predictions differ from those of an ` +
    'uninterrupted training, at first by rounding; the training is as good, and cannot be repeated to the byte'
  )
}
