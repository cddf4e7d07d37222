import { z } from 'zod'
import { Id, Slug } from './ids.ts'
import { Failure, Moment } from './resources.ts'

/** Facts, appended in the transaction that makes them true. Notifications and the event feed come from them. */
export const EventPayload = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('experiment-created'),
    folds: z.int().positive(),
    /** Version that it was cloned from or repeats; absent where it stands for itself. */
    parent: z.int().positive().optional(),
  }),
  z.strictObject({
    kind: z.literal('fold-leased'),
    fold: z.int(),
    attempt: z.int(),
    session: z.string(),
    step: z.int(),
  }),
  z.strictObject({
    kind: z.literal('fold-handed-over'),
    fold: z.int(),
    attempt: z.int(),
    session: z.string(),
    step: z.int(),
  }),
  z.strictObject({
    kind: z.literal('fold-completed'),
    fold: z.int(),
    attempt: z.int(),
    attempts: z.int(),
    /** The fold's score, and the pooled score of all folds done so far. */
    score: z.number(),
    cvSoFar: z.number(),
    foldsCompleted: z.int(),
    foldsTotal: z.int(),
  }),
  z.strictObject({
    kind: z.literal('fold-failed'),
    fold: z.int(),
    attempt: z.int(),
    failure: Failure,
    /** What was done about it: tried again (and when), or given up. */
    outcome: z.enum(['retrying', 'given-up']),
    retryInSeconds: z.number().nullable(),
  }),
  z.strictObject({
    kind: z.literal('session-lost'),
    fold: z.int(),
    attempt: z.int(),
    session: z.string(),
    /** Step the fold goes on from. */
    resumeStep: z.int(),
  }),
  z.strictObject({
    kind: z.literal('experiment-completed'),
    cv: z.number(),
    cvMean: z.number(),
    cvStd: z.number(),
    attempts: z.int(),
    interruptions: z.int(),
  }),
  z.strictObject({ kind: z.literal('experiment-failed'), failure: Failure }),
  z.strictObject({
    kind: z.literal('session-stopped'),
    fold: z.int(),
    attempt: z.int(),
    session: z.string(),
    /** Step the fold goes on from. */
    resumeStep: z.int(),
  }),
  /** Somebody gave a failed fold another chance, from this step. */
  z.strictObject({ kind: z.literal('fold-retried'), fold: z.int(), step: z.int() }),
  z.strictObject({ kind: z.literal('experiment-paused') }),
  z.strictObject({ kind: z.literal('experiment-resumed') }),
  z.strictObject({ kind: z.literal('experiment-cancelled') }),
  z.strictObject({ kind: z.literal('lb-recorded'), lbPublic: z.number().nullable(), lbPrivate: z.number().nullable() }),
  z.strictObject({
    kind: z.literal('submission-scored'),
    submission: z.int(),
    lbPublic: z.number().nullable(),
    lbPrivate: z.number().nullable(),
    /** Its public score is above every LB that the project had. */
    isNewBest: z.boolean(),
  }),
])
export type EventPayload = z.infer<typeof EventPayload>
export type EventKind = EventPayload['kind']

export const Event = z.strictObject({
  /** Position in the feed: later events have higher ids. */
  id: z.int().positive(),
  at: Moment,
  project: Slug,
  experimentId: Id,
  /** The experiment's number in its project, and its name. */
  version: z.int().positive(),
  experiment: z.string(),
  payload: EventPayload,
})
export type Event = z.infer<typeof Event>
