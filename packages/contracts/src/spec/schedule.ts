import { z } from 'zod'
import type { AddFault } from './parts.ts'
import { Positive } from './parts.ts'

/** What every schedule has: its highest rate, and a warm-up that rises to it in a straight line before it begins. */
const scheduleBase = {
  lr: Positive.max(10),
  warmupSteps: z.int().nonnegative().default(0),
  /** Length of the warm-up in epochs, in place of `warmupSteps`. */
  warmupEpochs: z.number().nonnegative().max(10_000).default(0),
  /** The warm-up starts at lr / warmupDivisor; null: one step above zero. */
  warmupDivisor: z.number().min(1).nullable().default(null),
}
const lrMin = z.number().min(0).default(0)

/** Learning rate over the steps of a stage. */
export const ScheduleSpec = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant'), ...scheduleBase }),
  z.strictObject({ name: z.literal('linear'), ...scheduleBase, lrMin }),
  z.strictObject({ name: z.literal('cosine'), ...scheduleBase, lrMin }),
  z.strictObject({
    name: z.literal('cosine-restarts'),
    ...scheduleBase,
    lrMin,
    /** Length of the first cycle. */
    cycleEpochs: z.number().min(0.01).max(10_000),
    /** Each cycle is so many times as long as the one before. */
    cycleFactor: z.number().min(1).max(100).default(1),
  }),
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
  const { lr, warmupSteps, warmupEpochs, warmupDivisor } = schedule
  if ('lrMin' in schedule && schedule.lrMin > lr) fault(['lrMin'], 'lrMin must not be above lr')
  if (warmupSteps > 0 && warmupEpochs > 0)
    fault(['warmupEpochs'], 'the warm-up lasts by warmupSteps already; give only one of the two')
  if (warmupDivisor !== null && warmupSteps === 0 && warmupEpochs === 0)
    fault(['warmupDivisor'], 'there is no warm-up; give warmupSteps or warmupEpochs')
}
