import { Id, Slug } from '@baton/contracts'
import { z } from 'zod'

/** Who runs a kind's jobs; `by hand`: taken by the session that waits for one (offers.ts). */
export type Consumer = 'coordinator' | 'bot' | 'by hand'

interface JobSpec {
  /** Ids, not state: the queue delivers, the database decides. Checked where a job is added and where it is run. */
  readonly payload: z.ZodType
  readonly consumer: Consumer
  /** Runs before a job counts as failed for good; a run whose process died counts too. */
  readonly attempts: number
  /** Pause before the second attempt; doubles with each, and half of it is chance. */
  readonly backoffMs: number
  /** Sign of life: a job whose process is silent for this long is given to another one. */
  readonly lockMs: number
}

/** Every job kind, its payload, and why these numbers. A kind of a consumer is a method of its handlers. */
export const jobs = {
  // An offer, not the training: it is held for the moment between queue and session. The reconciler offers again.
  'offer-fold': {
    payload: z.strictObject({ foldId: Id, offer: z.int().positive(), pool: Slug, priority: z.int() }),
    consumer: 'by hand',
    attempts: 1,
    backoffMs: 0,
    lockMs: 5_000,
  },
  // Reads every fold's predictions from storage, which may be away for minutes: ten attempts are a quarter of an
  // hour, and then the reconciler begins again. It computes for seconds without a pause, so its lock is long.
  'assemble-experiment': {
    payload: z.strictObject({ experimentId: Id }),
    consumer: 'coordinator',
    attempts: 10,
    backoffMs: 1_000,
    lockMs: 60_000,
  },
  // Reads the manifest and the test predictions from storage, as assembling does, and computes for as long at most.
  'make-submission': {
    payload: z.strictObject({ submissionId: Id }),
    consumer: 'coordinator',
    attempts: 10,
    backoffMs: 1_000,
    lockMs: 60_000,
  },
  // Two statements in the database; they fail only while it is away.
  'fan-out-event': {
    payload: z.strictObject({ eventId: z.int().positive() }),
    consumer: 'coordinator',
    attempts: 10,
    backoffMs: 500,
    lockMs: 5_000,
  },
  // One job a chat, so that its messages stay in order. When the chat service asks for a pause the job is postponed,
  // which is no attempt; these are for a network that fails.
  'deliver-notifications': {
    payload: z.strictObject({ chat: z.string().min(1) }),
    consumer: 'bot',
    attempts: 10,
    backoffMs: 1_000,
    lockMs: 15_000,
  },
  // Comes again by itself: a failed round is not repeated.
  sweep: { payload: z.strictObject({}), consumer: 'coordinator', attempts: 1, backoffMs: 0, lockMs: 30_000 },
} as const satisfies Record<string, JobSpec>

type Jobs = typeof jobs
export type Payload<K extends keyof Jobs> = z.infer<Jobs[K]['payload']>

/** The kinds that one consumer runs. */
type KindOf<C extends Consumer> = { [K in keyof Jobs]: Jobs[K]['consumer'] extends C ? K : never }[keyof Jobs]
/** The kinds that run in handlers. */
export type JobKind = KindOf<'coordinator' | 'bot'>

export interface JobContext {
  /** 1-based; above 1 when earlier ones failed or their process died. */
  readonly attempt: number
  /** Ends this run and has the job come again after a pause, which counts as no attempt. Await it. */
  readonly postpone: (delayMs: number) => Promise<never>
}

/** What a consumer must bring: one handler for each of its kinds, each fit to run twice. */
export type Handlers<C extends Consumer> = {
  readonly [K in KindOf<C>]: (payload: Payload<K>, context: JobContext) => Promise<unknown>
}
