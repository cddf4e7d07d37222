import type { CheckpointManifest, Fold, FoldStatus, Progress } from '@baton/contracts'
import type { FoldRecord } from '@baton/core'
import { Prisma } from '../generated/client.ts'

/** Folds `f` as people see them, as `SeenFold` names their columns. */
export const seenFolds = Prisma.sql`
  SELECT f.id, f.index, f.status, f.pool, f.priority, f.progress, c.step AS "checkpointStep", f.score,
    f.result->'weights'->>'digest' AS weights, (SELECT count(*)::int FROM attempt a WHERE a.fold_id = f.id) AS attempts,
    f.session_id AS "sessionId", f.lease_expires_at AS "leaseExpiresAt", f.failure
  FROM fold f LEFT JOIN checkpoint c ON c.id = f.checkpoint_id`

/** Read as JSON, moments are strings of the database's. */
export type SeenFold = Omit<Fold, 'leaseExpiresAt'> & { leaseExpiresAt: Date | string | null }

export function foldOf({ leaseExpiresAt, failure, ...row }: SeenFold): Fold {
  const expiresAt = leaseExpiresAt === null ? null : new Date(leaseExpiresAt).toISOString()
  return { ...row, leaseExpiresAt: expiresAt, failure }
}

/** Columns of a fold with its newest checkpoint and attempt, as `FoldRow` names them. */
export interface FoldRow {
  id: string
  experimentId: string
  index: number
  status: string
  pool: string
  priority: number
  fence: number
  offer: number
  sessionId: string | null
  due: boolean
  cancelAsked: boolean
  pauseAsked: boolean
  progress: Progress | null
  failures: Record<string, number>
  lostAtStep: number | null
  lostInARow: number
  attempt: number
  checkpointDigest: string | null
  checkpointStep: number | null
  checkpointFence: number | null
  checkpointManifest: CheckpointManifest | null
}

/** A fold as the lease protocol sees it. */
export function foldRecordOf(row: FoldRow): FoldRecord {
  const { checkpointDigest, checkpointStep, checkpointFence, checkpointManifest, ...fold } = row
  const checkpoint =
    checkpointDigest === null
      ? null
      : { digest: checkpointDigest, step: checkpointStep!, fence: checkpointFence!, manifest: checkpointManifest! }
  return { ...fold, status: fold.status as FoldStatus, checkpoint }
}
