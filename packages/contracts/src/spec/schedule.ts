import { z } from 'zod'
import type { AddFault } from './parts.ts'
import { Positive } from './parts.ts'

/** Learning rate as a pure function of the stage's step. Warm-up is linear and may stand before any of them. */
const scheduleBase = { lr: Positive.max(10), warmupSteps: z.int().nonnegative().default(0) }
export const ScheduleSpec = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant'), ...scheduleBase }),
  z.strictObject({ name: z.literal('linear'), ...scheduleBase, lrMin: z.number().min(0).default(0) }),
  z.strictObject({ name: z.literal('cosine'), ...scheduleBase, lrMin: z.number().min(0).default(0) }),
  z.strictObject({
    name: z.literal('step'),
    ...scheduleBase,
    everyEpochs: z.int().positive(),
    factor: z.number().positive().max(1).default(0.1),
  }),
  z.strictObject({
    name: z.literal('triangular'),
    ...scheduleBase,
    /** The rate starts and ends at lr / ratio … */
    ratio: z.number().min(1).default(100),
    /** … and peaks after this part of the steps. */
    peakAt: z.number().min(0.01).max(0.99).default(0.2),
  }),
])
export type ScheduleSpec = z.infer<typeof ScheduleSpec>

export function checkSchedule(schedule: ScheduleSpec, fault: AddFault): void {
  if ('lrMin' in schedule && schedule.lrMin > schedule.lr) fault(['lrMin'], 'lrMin must not be above lr')
}
