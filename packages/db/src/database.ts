import { PrismaPg } from '@prisma/adapter-pg'
import { AppError } from '@baton/contracts'
import type { Store, Tables } from '@baton/core'
import type { Connection } from './connection.ts'
import { PrismaClient } from './generated/client.ts'
import { ConnectionPool } from './run-prepared.ts'
import type { RunPrepared } from './run-prepared.ts'
import { auditTable } from './tables/audit-table.ts'
import { artifactTable } from './tables/artifact-table.ts'
import { observe } from './observe.ts'
import type { Observation } from './observe.ts'
import { bundleTable } from './tables/bundle-table.ts'
import { buttonTable } from './tables/button-table.ts'
import { cardTable } from './tables/card-table.ts'
import { chatTable } from './tables/chat-table.ts'
import { datasetTable } from './tables/dataset-table.ts'
import { eventTable } from './tables/event-table.ts'
import { experimentTable } from './tables/experiment-table.ts'
import { foldTable } from './tables/fold-table.ts'
import { idempotencyTable } from './tables/idempotency-table.ts'
import type { IdempotencyTable } from './tables/idempotency-table.ts'
import { logTable } from './tables/log-table.ts'
import { matrixTable } from './tables/matrix-table.ts'
import { metricTable } from './tables/metric-table.ts'
import { notificationTable } from './tables/notification-table.ts'
import { objectTable } from './tables/object-table.ts'
import { outboxTable } from './tables/outbox-table.ts'
import { poolTable } from './tables/pool-table.ts'
import { presenceTable } from './tables/presence-table.ts'
import { projectTable } from './tables/project-table.ts'
import { providerTable } from './tables/provider-table.ts'
import { sessionTable } from './tables/session-table.ts'
import { submissionTable } from './tables/submission-table.ts'
import { tokenTable } from './tables/token-table.ts'
import { updateTable } from './tables/update-table.ts'

export interface Database extends Store {
  readonly idempotency: IdempotencyTable
  /** How much of everything there is. */
  observe(): Promise<Observation>
  /** Connections of this process, and work that waits for one. */
  connections(): { busy: number; idle: number; waiting: number }
  close(): Promise<void>
}

/** A transaction that waits longer for a connection, or takes longer, than this is given up; callers try again. */
const transactionLimits = { maxWait: 10_000, timeout: 20_000 }

/**
 * What ends a connection that stands still. A process that froze or lost its machine in the middle of a transaction would
 * keep its locks for hours otherwise, and whoever waits for them a connection each, until none is left.
 */
const connectionLimits = {
  /** For a connection, from the pool or to the server. */
  connectionTimeoutMillis: 10_000,
  /** Ours take milliseconds; who waits longer for a lock is told to try again. */
  lock_timeout: 10_000,
  statement_timeout: 60_000,
  /** Longer than a transaction may take: only one whose process stands still comes here. */
  idle_in_transaction_session_timeout: 30_000,
  /** A server that is gone without a word is noticed within half a minute. */
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
}

/** Opens the store on a migrated PostgreSQL. Connections are made when first needed. */
export function openDatabase({ url, maxConnections = 20 }: { url: string; maxConnections?: number }): Database {
  const pool = new ConnectionPool({ connectionString: url, max: maxConnections, ...connectionLimits })
  // An idle connection that is cut is replaced when next needed; what was under way hears of it by itself.
  pool.on('error', () => undefined)
  const client = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: true }) })
  return {
    ...tablesOn(client, pool.runPrepared),
    idempotency: idempotencyTable(pool.runPrepared),
    transaction: (work) =>
      pool.transaction((run) => client.$transaction((tx) => work(tablesOn(tx, run)), transactionLimits)),
    ping: async () => {
      try {
        await client.$queryRaw`SELECT 1`
      } catch (cause) {
        throw new AppError('unavailable', {}, { detail: 'the database does not answer', cause })
      }
    },
    observe: () => observe(client),
    connections: () => ({
      busy: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close: () => client.$disconnect(),
  }
}

function tablesOn(db: Connection, run: RunPrepared): Tables {
  return {
    projects: projectTable(db, run),
    datasets: datasetTable(db, run),
    bundles: bundleTable(db, run),
    experiments: experimentTable(db, run),
    matrices: matrixTable(db),
    folds: foldTable(db, run),
    submissions: submissionTable(db),
    artifacts: artifactTable(db),
    objects: objectTable(db),
    providers: providerTable(db),
    sessions: sessionTable(db, run),
    pools: poolTable(db),
    logs: logTable(db),
    metrics: metricTable(db),
    events: eventTable(db, run),
    outbox: outboxTable(run),
    chats: chatTable(db),
    cards: cardTable(db),
    buttons: buttonTable(db),
    updates: updateTable(db),
    notifications: notificationTable(db),
    tokens: tokenTable(db, run),
    presence: presenceTable(db),
    audit: auditTable(db, run),
  }
}
