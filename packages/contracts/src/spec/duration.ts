import { z } from 'zod'
import type { AddFault } from './parts.ts'
import { Positive } from './parts.ts'

/** How long a stage lasts: exactly one of these is given. */
export const durationFields = {
  /** Passes through the fold's training samples; 0.5 is half a one. Rounded to whole steps, at least one. */
  epochs: Positive.max(10_000).optional(),
  /** Optimizer steps. */
  steps: z.int().min(1).max(100_000_000).optional(),
  /** Samples trained on, one counted as often as it comes. Rounded up to whole steps. */
  samples: z.int().min(1).max(10_000_000_000).optional(),
  /** Training time over all sessions, evaluations included. */
  hours: Positive.max(10_000).optional(),
}

type DurationFields = { readonly [Unit in keyof typeof durationFields]?: number | undefined }

/** The duration of a stage as one number and its unit. */
export interface Duration {
  readonly unit: keyof typeof durationFields
  readonly value: number
}

const units = Object.keys(durationFields) as Duration['unit'][]

export function durationOf(stage: DurationFields): Duration {
  const unit = units.find((one) => stage[one] !== undefined)
  if (unit === undefined) throw new Error('a stage without a duration passed its schema')
  return { unit, value: stage[unit]! }
}

export function checkDuration(stage: DurationFields, fault: AddFault): void {
  const [first, ...others] = units.filter((unit) => stage[unit] !== undefined)
  if (first === undefined) fault([], `has no duration; give one of ${units.join(', ')}`)
  for (const unit of others) fault([unit], `the stage lasts by ${first} already; give only one of ${units.join(', ')}`)
}
