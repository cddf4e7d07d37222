import { z } from 'zod'
import type { OptimizerSpec } from './optimizer.ts'
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
const Momentum = z.number().min(0).max(0.9999)
const lrMin = z.number().min(0).default(0)

/** Learning rate over a stage. */
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
  z.strictObject({
    name: z.literal('one-cycle'),
    ...scheduleBase,
    /** The rate starts at lr / ratio, … */
    ratio: z.number().min(1).default(25),
    /** … is lr after this part of the steps … */
    peakAt: z.number().min(0.01).max(0.99).default(0.25),
    /** … and ends at lr / endRatio. */
    endRatio: z.number().min(1).default(1e5),
    /** The optimizer's momentum, β₁ for Adam's kind, at the start and end, and at the peak; null: as the optimizer's. */
    momentum: z.tuple([Momentum, Momentum]).nullable().default([0.95, 0.85]),
  }),
  z.strictObject({
    name: z.literal('plateau'),
    ...scheduleBase,
    lrMin,
    /** The rate is multiplied by this … */
    factor: z.number().positive().lt(1).default(0.2),
    /** … after so many evaluations in a row without gain. */
    patience: z.int().min(1).max(1000).default(4),
    minGain: z.number().min(0).default(1e-4),
    /** Evaluations after a drop that do not count. */
    cooldown: z.int().min(0).max(1000).default(0),
    /** The stage ends where the rate would drop once more than this; null: it drops again and again. */
    maxDrops: z.int().min(0).max(1000).nullable().default(null),
    /** Whether the optimizer forgets its slots at a drop. */
    resetOptimizer: z.boolean().default(false),
  }),
  z.strictObject({
    name: z.literal('budget'),
    ...scheduleBase,
    lrMin,
    /** How the rate falls from lr to lrMin over the hours. */
    shape: z.enum(['linear', 'cosine']).default('cosine'),
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

/** A momentum that changes wants an optimizer that has one. */
export function checkMomentum(
  { schedule, optimizer }: { readonly schedule: ScheduleSpec; readonly optimizer: OptimizerSpec },
  fault: AddFault,
): void {
  if (schedule.name === 'one-cycle' && schedule.momentum !== null && optimizer.name === 'sgd')
    fault(['schedule', 'momentum'], 'sgd has no momentum to be moved; give `momentum: null`, or choose sgdm')
}

/** Schedules over the whole of a stage, which need to know its last step from the first on. */
const needTotal: readonly ScheduleSpec['name'][] = ['linear', 'cosine', 'triangular', 'one-cycle']

/** How many steps a stage of so many hours has is known at its end alone. */
export function checkScheduleLasts(
  { schedule: { name }, hours }: { readonly schedule: ScheduleSpec; readonly hours?: number | undefined },
  fault: AddFault,
): void {
  if (hours !== undefined && needTotal.includes(name))
    fault(
      ['schedule', 'name'],
      `${name} needs to know how many steps the stage has, and with hours nobody does; choose budget, or give epochs, steps or samples`,
    )
  if (hours === undefined && name === 'budget')
    fault(['schedule', 'name'], 'budget lands where the hours of its stage end; give hours, or choose cosine or linear')
}
