import type { CheckpointManifest, Failure, Fold, FoldResult, FoldStatus, Progress } from '@baton/contracts'
import type { FoldRecord } from '@baton/core'
import type { Prisma } from '../generated/client.ts'

export const foldInclude = {
  checkpoint: { select: { step: true } },
  _count: { select: { attempts: true } },
} satisfies Prisma.FoldInclude

/** A fold as people see it. */
export function foldOf(row: Prisma.FoldGetPayload<{ include: typeof foldInclude }>): Fold {
  return {
    id: row.id,
    index: row.index,
    status: row.status as FoldStatus,
    pool: row.pool,
    priority: row.priority,
    progress: row.progress as Progress | null,
    checkpointStep: row.checkpoint?.step ?? null,
    score: row.score,
    weights: (row.result as FoldResult | null)?.weights.digest ?? null,
    attempts: row._count.attempts,
    sessionId: row.sessionId,
    leaseExpiresAt: row.leaseExpiresAt?.toISOString() ?? null,
    failure: row.failure as Failure | null,
  }
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
