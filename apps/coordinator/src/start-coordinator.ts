import {
  assembleExperiment,
  defaultLeaseTimes,
  dispatchOutbox,
  expireLeases,
  presenceGapSeconds,
  presenceSeconds,
  reconcile,
  retireCheckpoints,
} from '@baton/core'
import type { BlobStore, JobQueue, LeaseTimes } from '@baton/core'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'
import { every } from './every.ts'

export interface CoordinatorOptions {
  readonly database: Database
  readonly queue: JobQueue & JobConsumer
  readonly blobs: BlobStore
  readonly log: Log
  readonly times?: LeaseTimes
}

/** Where assembling comes from. */
export interface JobConsumer {
  onAssemble(work: (experimentId: string) => Promise<void>): { close(): Promise<void> }
}

export interface RunningCoordinator {
  close(): Promise<void>
}

/** A request that committed and died before it moved its outbox rows leaves them this long at most. */
const outboxSeconds = 1
const reconcileSeconds = 5
const retireSeconds = 600
/** Replayed answers are promised for a day. */
const idempotencySeconds = 86_400

/**
 * Starts what happens without being asked: it empties the outbox, makes lost offers again, ends leases that ran out,
 * assembles experiments and retires checkpoints. Several may run: every sweep is safe beside itself and repeatable.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { database: store, queue, blobs, log, times = defaultLeaseTimes } = options
  const deps = { store, queue, blobs, times, random: Math.random }
  const assembling = queue.onAssemble((experimentId) => assembleExperiment(deps, { experimentId }))
  const sweeps = [
    every(presenceSeconds, 'presence', log, () => store.presence.touch('coordinator', presenceGapSeconds)),
    every(outboxSeconds, 'outbox', log, () => dispatchOutbox(deps)),
    every(reconcileSeconds, 'reconcile', log, () => reconcile(deps)),
    // Often against the lease, so that a dead session's fold waits little longer than it must.
    every(Math.min(5, times.leaseSeconds / 4), 'expire leases', log, async () => {
      const expired = await expireLeases(deps)
      if (expired > 0) log.info({ expired }, 'leases expired')
      await store.sessions.markLost(times.leaseSeconds * 2)
    }),
    every(retireSeconds, 'retire', log, async () => {
      await retireCheckpoints(deps)
      await store.idempotency.expire(idempotencySeconds)
    }),
  ]
  log.info('coordinator runs')
  return {
    close: async () => {
      await Promise.all([assembling.close(), ...sweeps.map((stop) => stop())])
    },
  }
}
