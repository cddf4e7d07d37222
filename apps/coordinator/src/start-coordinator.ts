import {
  assembleExperiment,
  experimentSpan,
  dispatchOutbox,
  expireLeases,
  fanOutEvent,
  makeSubmission,
  presenceGapSeconds,
  presenceSeconds,
  reconcile,
  retireCheckpoints,
  retireRecords,
} from '@baton/core'
import type { BlobStore, LeaseTimes } from '@baton/core'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'
import type { Queue } from '@baton/queue'
import { every } from '@baton/service'
import type { Span, Tracer } from '@baton/trace'
import { assembleInThread } from './assemble-in-thread.ts'
import { blendInThread } from './blend-in-thread.ts'
import { checkFoldInThread } from './check-fold-in-thread.ts'
import { renderSubmissionInThread } from './render-submission-in-thread.ts'

export interface CoordinatorOptions {
  readonly database: Database
  readonly queue: Queue
  readonly blobs: BlobStore
  readonly log: Log
  readonly times: LeaseTimes
  /** How long the audit log is kept. */
  readonly auditDays: number
  /** How long log lines and metrics of ended experiments are kept; null: for good. */
  readonly retention: { readonly logDays: number; readonly metricDays: number | null }
  /** Null: no traces are sent. */
  readonly tracer?: Tracer | null
}

export interface RunningCoordinator {
  close(): Promise<void>
}

/** A request that committed and died before it moved its outbox rows leaves them this long at most. */
const outboxSeconds = 1
const reconcileSeconds = 5
const retireSeconds = 600
const daySeconds = 86_400
/** Who looks for a token that has ended does it while they remember it; the audit log keeps its name. */
const endedTokenDays = 30
/** Replayed answers are promised for a day. */
const idempotencySeconds = daySeconds
/** Who presses a button this long after it expired is told less. */
const buttonSeconds = 30 * daySeconds
/** Telegram keeps an update for a day. */
const updateSeconds = 2 * daySeconds

/**
 * Starts what happens without being asked: it empties the outbox, makes lost offers again, ends leases that ran out,
 * assembles experiments, writes files of submissions and retires checkpoints. Several may run: every sweep is safe beside itself and repeatable.
 *
 * What nothing may be lost without runs on timers of each process, not on the queue, whose data may be lost.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { database: store, queue, blobs, log, times } = options
  const compute = {
    assemble: assembleInThread,
    checkFold: checkFoldInThread,
    blend: blendInThread,
    render: renderSubmissionInThread,
  }
  const deps = { store, queue, blobs, times, random: Math.random, ...compute }
  queue.consume('coordinator', {
    'assemble-experiment': async (job) => {
      const startMs = Date.now()
      await assembleExperiment(deps, job)
      options.tracer?.record(spanOfAssembly(job.experimentId, startMs))
      await dispatchOutbox(deps)
    },
    'make-submission': (job) => makeSubmission(deps, job),
    'fan-out-event': (job) => fanOutEvent(deps, job),
    sweep: async () => {
      await retireCheckpoints(deps)
      const { logDays, metricDays } = options.retention
      await retireRecords(deps, {
        logSeconds: logDays * daySeconds,
        metricSeconds: metricDays === null ? null : metricDays * daySeconds,
      })
      await store.idempotency.expire(idempotencySeconds)
      await store.tokens.removeEnded(endedTokenDays * daySeconds)
      await store.audit.expire(options.auditDays * daySeconds)
      await store.buttons.forget(buttonSeconds)
      await store.updates.forget(updateSeconds)
    },
  })
  await queue.schedule('sweep', retireSeconds * 1000)
  const sweeps = [
    every(presenceSeconds, 'presence', log, () => store.presence.touch('coordinator', presenceGapSeconds)),
    every(outboxSeconds, 'outbox', log, () => dispatchOutbox(deps)),
    every(reconcileSeconds, 'reconcile', log, () => reconcile(deps)),
    // Often against the lease, so that a dead session's fold waits little longer than it must.
    every(Math.min(5, times.leaseSeconds / 4), 'expire leases', log, async () => {
      const expired = await expireLeases(deps)
      if (expired > 0) {
        log.info({ expired }, 'leases expired')
        await dispatchOutbox(deps)
      }
      await store.sessions.markLost(times.leaseSeconds * 2)
    }),
  ]
  log.info('coordinator runs')
  return { close: async () => void (await Promise.all(sweeps.map((stop) => stop()))) }
}

function spanOfAssembly(experimentId: string, startMs: number): Span {
  const root = experimentSpan(experimentId)
  const attributes = { 'baton.experiment.id': experimentId }
  return { name: 'assemble', traceId: root.traceId, parent: root, startMs, endMs: Date.now(), attributes }
}
