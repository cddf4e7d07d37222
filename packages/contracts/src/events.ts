import { z } from 'zod'
import { assertNever } from './assert-never.ts'
import { Id, Slug } from './ids.ts'
import { HalvingStop } from './matrix/halving-stop.ts'
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
    /** Name of the session that trained it; null where none did any more, and in events from before it was kept. */
    session: z.string().nullish(),
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
  z.strictObject({
    kind: z.literal('experiment-cancelled'),
    /** Absent where a person did it. */
    halving: HalvingStop.optional(),
  }),
  z.strictObject({
    kind: z.literal('lb-recorded'),
    lbPublic: z.number().nullable(),
    lbPrivate: z.number().nullable(),
    /** As of a submission; events from before it was kept lack it. */
    isNewBest: z.boolean().optional(),
  }),
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

/**
 * How people are told of an event. `urgent`: with a sound, as somebody wants to know now or has to do something.
 * `quiet`: without one, as it goes on by itself. Null: they are not; it stands in the feed.
 */
export function noticeOf(payload: EventPayload): 'urgent' | 'quiet' | null {
  switch (payload.kind) {
    case 'experiment-completed':
    case 'experiment-failed':
      return 'urgent'
    case 'fold-failed':
      return payload.outcome === 'given-up' ? 'urgent' : 'quiet'
    case 'lb-recorded':
      return payload.isNewBest === true ? 'urgent' : null
    case 'submission-scored':
      return payload.isNewBest ? 'urgent' : 'quiet'
    case 'fold-completed':
    case 'session-lost':
    case 'experiment-paused':
    case 'experiment-resumed':
    case 'fold-retried':
      return 'quiet'
    case 'experiment-cancelled':
      return payload.halving ? 'quiet' : null
    case 'experiment-created':
    case 'fold-leased':
    case 'fold-handed-over':
    case 'session-stopped':
      return null
    default:
      return assertNever(payload)
  }
}

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
