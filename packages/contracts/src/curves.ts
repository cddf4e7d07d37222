import { z } from 'zod'
import { Count, Id } from './ids.ts'
import { Attempt, MetricPoint } from './resources.ts'

/** A metric's value at a step, and which attempt reported it. */
export const CurvePoint = z.strictObject({ step: Count, value: z.number(), attempt: z.int().positive() })
export type CurvePoint = z.infer<typeof CurvePoint>

/** A metric of a fold by step, stitched over its attempts and thinned to what a picture can show. */
export const Curve = z.strictObject({
  name: MetricPoint.shape.name,
  /** How many there are before thinning. */
  pointsTotal: z.int().nonnegative(),
  points: z.array(CurvePoint),
})
export type Curve = z.infer<typeof Curve>

/** Curves of a fold, and its attempts: where one session's work ends and the next one's begins. */
export const FoldCurves = z.strictObject({
  foldId: Id,
  fold: z.int().nonnegative(),
  attempts: z.array(
    Attempt.pick({
      number: true,
      status: true,
      session: true,
      startStep: true,
      endStep: true,
      startedAt: true,
      endedAt: true,
    }),
  ),
  curves: z.array(Curve),
})
export type FoldCurves = z.infer<typeof FoldCurves>

/** A metric that a fold has reported, and its newest value. */
export const MetricName = z.strictObject({ name: MetricPoint.shape.name, lastStep: Count, lastValue: z.number() })
export type MetricName = z.infer<typeof MetricName>
