import { setTimeout as delay } from 'node:timers/promises'
import type { JobQueue, OfferQueue } from '@baton/core'
import { openBackend } from './backend.ts'
import type { Backend, BullQueue, BullWorker, QueueBackend, QueueLog } from './backend.ts'
import { jobs } from './catalog.ts'
import type { Consumer, Handlers, JobKind, Payload } from './catalog.ts'
import { depthsOf, states } from './depth.ts'
import type { Depth } from './depth.ts'
import { inTime } from './in-time.ts'
import { offersOf, openOffers } from './offers.ts'
import { bullPriority } from './priority.ts'
import { processorOf } from './run-job.ts'
import type { AnyHandler } from './run-job.ts'

export interface OpenQueueOptions {
  readonly backend: QueueBackend
  /** Keeps apart what shares one database. */
  readonly prefix?: string
  readonly log: QueueLog
}

export interface AddOptions {
  /** What the job is about. While one with the same id waits, adding another changes nothing; while it runs, one
   *  more is run after it, so that what was added during a run is never missed. */
  readonly id?: string
  readonly delayMs?: number
  /** Higher goes first, equal ones in the order they came; 0 if left out. */
  readonly priority?: number
}

export interface ConsumeOptions {
  /** Jobs of one kind at once, in this process. */
  readonly concurrency?: number
}

export interface InspectedQueue {
  readonly kind: string
  /** Of offers: the pool. */
  readonly pool: string | null
  readonly queue: BullQueue
}

export interface Queue extends JobQueue {
  readonly offers: OfferQueue
  /** Adds a job; it is stored when this returns. */
  add<K extends JobKind>(kind: K, payload: Payload<K>, options?: AddOptions): Promise<void>
  /** Starts running a consumer's jobs, until `close`. A job runs at least once; its handler must be fit for twice. */
  consume<C extends Exclude<Consumer, 'by hand'>>(consumer: C, handlers: Handlers<C>, options?: ConsumeOptions): void
  /** Runs a job at this interval, once for all processes together. Asked again, the newest interval holds. */
  schedule(kind: 'sweep', everyMs: number): Promise<void>
  /** Jobs in the queue: of each kind and, for offers, of each pool that this process knows. */
  depths(): Promise<Depth[]>
  /** BullMQ's own queues, of each kind and of these pools, for people who look at single jobs; `close` closes them. */
  inspect(pools: readonly string[]): InspectedQueue[]
  /** @throws {AppError} `unavailable` */
  ping(): Promise<void>
  /** Ends waits with null, lets running handlers finish unless the database goes away, then closes. Calling it again
   *  waits for the same end. */
  close(): Promise<void>
}

/** How often a process looks for jobs of dead ones; on top of the lock, what redelivery costs at most twice. */
const stalledCheckMs = 2_000
/** How often the database is asked whether it is there, while a process closes. */
const watchMs = 1_000
/** Failed jobs are kept for those who want to look, and deleted oldest first. */
const keepFailed = 1_000

/**
 * Opens the queue on PostgreSQL or Redis, and makes it ready.
 * @throws {AppError} `unavailable`
 */
export async function openQueue({ backend: where, prefix = 'baton', log }: OpenQueueOptions): Promise<Queue> {
  const backend = await openBackend(where, prefix, log)
  const offers = openOffers(backend, log)
  const queues = new Map<string, BullQueue>()
  const workers: BullWorker[] = []
  let closing: Promise<void> | undefined
  const named = (name: string) => {
    const queue = queues.get(name) ?? backend.queue(name)
    queues.set(name, queue)
    return queue
  }
  const queueOf = (kind: JobKind) => named(kind)
  const add: Queue['add'] = async (kind, payload, { id, delayMs = 0, priority = 0 } = {}) => {
    await queueOf(kind).add(kind, jobs[kind].payload.parse(payload), {
      ...retention(kind),
      delay: delayMs,
      priority: bullPriority(priority),
      ...(id === undefined ? {} : { deduplication: { id, keepLastIfActive: true } }),
    })
  }
  const run = (kind: JobKind, handler: AnyHandler, concurrency: number) => {
    const { lockMs, attempts } = jobs[kind]
    const options = { concurrency, lockDuration: lockMs, stalledInterval: stalledCheckMs, maxStalledCount: attempts }
    const worker = backend.worker(kind, processorOf(kind, handler), options)
    worker.on('stalled', (job) => log.warn({ kind, job }, 'job taken back from a process that went silent'))
    worker.on('failed', (job, error) => {
      const fields = { kind, job: job?.id, attempt: job?.attemptsMade, error }
      if (job?.finishedOn === undefined) log.warn(fields, 'job failed, it will be tried again')
      else log.error(fields, 'job failed for good')
    })
    workers.push(worker)
  }
  const finish = async () => {
    await Promise.all([offers.close(), ...workers.map(closeWorker)])
    await Promise.all([...queues.values()].map((queue) => queue.close()))
  }
  /** To finish takes a database that answers, all the time; without one, what is under way comes again. */
  const shutDown = async () => {
    const finished = new AbortController()
    try {
      await Promise.race([finish(), untilAway(backend, finished.signal)])
      await backend.close()
    } catch (error) {
      log.warn({ error }, 'queue closed without its database: what was under way comes again')
      backend.drop()
    } finally {
      finished.abort()
    }
  }
  return {
    offers,
    add,
    assemble: (experimentId) => add('assemble-experiment', { experimentId }, { id: experimentId }),
    makeSubmission: (submissionId) => add('make-submission', { submissionId }, { id: submissionId }),
    fanOut: (eventId) => add('fan-out-event', { eventId }, { id: String(eventId) }),
    deliver: (chat) => add('deliver-notifications', { chat }, { id: chat }),
    consume: (consumer, handlers, { concurrency = 4 } = {}) => {
      const byKind: Partial<Record<JobKind, AnyHandler>> = handlers
      for (const kind of kindsOf(consumer)) run(kind, byKind[kind]!, concurrency)
    },
    schedule: async (kind, everyMs) => {
      const queue = queueOf(kind)
      const present = await queue.getJobScheduler(kind)
      // Given another interval BullMQ keeps the old one's offset, and the next run may be as far away as that was long.
      if (present && present.every !== everyMs) await queue.removeJobScheduler(kind)
      await queue.upsertJobScheduler(kind, { every: everyMs }, { name: kind, data: {}, opts: retention(kind) })
    },
    depths: async () => {
      const ofKinds = await Promise.all(
        handledKinds.map(async (kind) => depthsOf(kind, null, await queueOf(kind).getJobCounts(...states))),
      )
      return [...ofKinds.flat(), ...(await offers.depths())]
    },
    inspect: (pools) => [
      ...handledKinds.map((kind) => ({ kind, pool: null, queue: queueOf(kind) })),
      // Queues of their own beside those that hand out: a look at a pool must not begin to serve it.
      ...pools.map((pool) => ({ kind: 'offer-fold', pool, queue: named(offersOf(pool)) })),
    ],
    ping: backend.ping,
    close: () => (closing ??= shutDown()),
  }
}

async function closeWorker(worker: BullWorker): Promise<void> {
  // One that is still opening may take a connection after it was closed.
  await inTime(worker.waitUntilReady())
  await worker.close()
}

/** @throws {AppError} `unavailable`, once the database does not answer */
async function untilAway(backend: Backend, signal: AbortSignal): Promise<never> {
  for (;;) {
    await backend.ping()
    await delay(watchMs, undefined, { signal })
  }
}

/** Kinds that run in handlers; offers have a queue a pool. */
const handledKinds = (Object.keys(jobs) as (keyof typeof jobs)[]).filter((kind) => kind !== 'offer-fold')

function retention(kind: JobKind) {
  const { attempts, backoffMs } = jobs[kind]
  const backoff = { type: 'exponential', delay: backoffMs, jitter: 0.5 } as const
  return { attempts, backoff, removeOnComplete: true, removeOnFail: { count: keepFailed } }
}

function kindsOf(consumer: Consumer): JobKind[] {
  return (Object.keys(jobs) as JobKind[]).filter((kind) => jobs[kind].consumer === consumer)
}
