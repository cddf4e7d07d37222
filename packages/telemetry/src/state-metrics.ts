import type { Database } from '@baton/db'
import type { Queue } from '@baton/queue'
import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'

/** Scrapers that come more often are answered with what was read last. */
const readEveryMs = 5_000

export interface StateSource {
  readonly database: Database
  readonly queue: Pick<Queue, 'depths'>
  readonly now: () => number
}

/**
 * What all processes share: folds, sessions, what waits. Read from database and queue when a scraper asks; each
 * process that shows it shows the same, so take the maximum over replicas, not the sum.
 *
 * @returns Reads anew; call it before the registry is written out. It never fails: what could not be read is left out.
 */
export function stateMetrics(register: Registry, { database, queue, now }: StateSource): () => Promise<void> {
  const registers = [register]
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers })
  const up = gauge('baton_state_up', 'Whether the figures below could be read: 1 or 0.')
  const folds = gauge('baton_folds', 'Folds, by status.', ['status'])
  const leases = gauge('baton_leases', 'Leases that have not run out.')
  const sessions = gauge('baton_sessions', 'Sessions, by status.', ['status'])
  const outbox = gauge('baton_outbox_jobs', 'Jobs that were asked for and that no queue has taken yet.')
  const outboxAge = gauge('baton_outbox_oldest_seconds', 'Age of the oldest of them; 0 where there is none.')
  const notifications = gauge('baton_notifications_pending', 'Notifications that were neither sent nor dropped.')
  const depth = gauge('baton_queue_jobs', 'Jobs in the queue, by kind, by pool for offers, and by state.', [
    'kind',
    'pool',
    'state',
  ])
  const all = [folds, leases, sessions, outbox, outboxAge, notifications, depth]

  const read = async () => {
    const [state, depths] = await Promise.all([database.observe(), queue.depths()])
    for (const one of all) one.reset()
    for (const { status, count } of state.folds) folds.set({ status }, count)
    for (const { status, count } of state.sessions) sessions.set({ status }, count)
    leases.set(state.leases)
    outbox.set(state.outbox)
    outboxAge.set(state.outboxOldestSeconds)
    notifications.set(state.notifications)
    for (const { kind, pool, state: name, jobs } of depths) depth.set({ kind, pool: pool ?? '', state: name }, jobs)
    up.set(1)
  }
  let readAt = -Infinity
  return async () => {
    if (now() - readAt < readEveryMs) return
    readAt = now()
    await read().catch(() => {
      for (const one of all) one.reset()
      up.set(0)
    })
  }
}

/** The connections of this process to its database. */
export function connectionMetrics(register: Registry, database: Database): void {
  new Gauge({
    name: 'baton_database_connections',
    help: 'Connections of this process to its database, by state; waiting: work that waits for one.',
    labelNames: ['state'],
    registers: [register],
    collect() {
      for (const [state, count] of Object.entries(database.connections())) this.set({ state }, count)
    },
  })
}
