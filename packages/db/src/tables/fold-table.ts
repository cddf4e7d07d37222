import { isInterrupted } from '@baton/contracts'
import type {
  Attempt,
  AttemptStatus,
  Blob,
  Checkpoint,
  CheckpointManifest,
  ExperimentInput,
  ExperimentSpec,
  Failure,
  FoldCurves,
  SessionStatus,
} from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { FoldRecord, Heartbeat, NewLease, PageRequest, Release, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { referrersOf } from './blob-references.ts'
import { mayRemoveObjects } from '../object-hold.ts'
import { datasetRecordOf } from './dataset-table.ts'
import { foldOf, foldRecordOf, seenFolds } from './fold-rows.ts'
import type { FoldRow, SeenFold } from './fold-rows.ts'
import { lockExperiment } from './lock-experiment.ts'
import { timeOrderedIds } from '../time-ordered-ids.ts'
import { offeredNow } from './offered-now.ts'

const foldColumns = Prisma.sql`
  f.id, f.experiment_id AS "experimentId", f.index, f.status, f.pool, f.priority, f.fence, f.offer,
  f.session_id AS "sessionId", f.not_before <= now() AS due, f.cancel_asked AS "cancelAsked",
  f.pause_asked AS "pauseAsked", f.progress, f.failures,
  f.lost_at_step AS "lostAtStep", f.lost_in_a_row AS "lostInARow",
  (SELECT coalesce(max(a.number), 0) FROM attempt a WHERE a.fold_id = f.id) AS attempt,
  c.digest AS "checkpointDigest", c.step AS "checkpointStep", c.fence AS "checkpointFence",
  c.manifest AS "checkpointManifest"`

/** Nobody holds it, and it may be leased now. */
const isClaimable = Prisma.sql`f.status = 'ready' AND f.not_before <= now()`

export function foldTable(db: Connection, run: RunPrepared): Tables['folds'] {
  return {
    get: async (id) => {
      const [row] = await run<SeenFold>('get-fold', Prisma.sql`${seenFolds} WHERE f.id = ${id}::uuid`)
      return row ? foldOf(row) : null
    },
    attempts: async (id, { cursor, limit }) => {
      const after = decodeCursor('number', cursor, ['int'])
      const rows = await db.attempt.findMany({
        where: { foldId: id, number: { gt: (after?.[0] as number | undefined) ?? 0 } },
        include: { session: { select: { name: true } } },
        orderBy: { number: 'asc' },
        take: limit + 1,
      })
      return pageOf(rows, limit, { order: 'number', keyOf: ({ number }) => [number], itemOf: attemptOf })
    },
    list: async (experimentId, { cursor, limit }) => {
      const after = decodeCursor('index', cursor, ['int'])?.[0] as number | undefined
      const rows = await run<SeenFold>(
        'list-folds',
        Prisma.sql`
        ${seenFolds} WHERE f.experiment_id = ${experimentId}::uuid AND f.index > ${after ?? -1}
        ORDER BY f.index LIMIT ${limit + 1}`,
      )
      return pageOf(rows, limit, { order: 'index', keyOf: ({ index }) => [index], itemOf: foldOf })
    },
    experimentOf: async (id) => {
      const row = await db.fold.findUnique({ where: { id }, select: { experimentId: true } })
      return row?.experimentId ?? null
    },
    attempt: async (foldId, number) => {
      const row = await db.attempt.findUnique({
        where: { foldId_number: { foldId, number } },
        include: { session: { select: { name: true } } },
      })
      return row && attemptOf(row)
    },
    spans: async (id) =>
      (
        await db.attempt.findMany({
          where: { foldId: id },
          include: { session: { select: { name: true } } },
          orderBy: { number: 'asc' },
        })
      ).map(spanOf),
    lock: async (id) => {
      await run('lock-fold', Prisma.sql`SELECT 1 FROM fold WHERE id = ${id}::uuid FOR UPDATE`)
      const [fold] = await readLocked(run, [id])
      return fold ?? null
    },
    lockNext: async (project, pools) => {
      // Ready folds are of experiments that are queued or running: of a project's many, an index finds those few.
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT f.id FROM fold f JOIN experiment e ON e.id = f.experiment_id JOIN project p ON p.id = e.project_id
        WHERE ${isClaimable} AND p.slug = ${project} AND e.status IN ('queued', 'running') AND f.pool = ANY(${pools})
        ORDER BY array_position(${pools}, f.pool), f.priority DESC, f.not_before, f.id LIMIT 1 FOR UPDATE OF f SKIP LOCKED`
      const [fold] = await readLocked(
        run,
        rows.map((row) => row.id),
      )
      return fold ?? null
    },
    leaseContext: (id) => leaseContext(run, id),
    lease: (fold, to) => lease(run, fold, to),
    heldBy: async (sessionId, besides = []) => {
      const [row] = await run<{ id: string }>(
        'held-by',
        Prisma.sql`
        SELECT id FROM fold WHERE session_id = ${sessionId}::uuid AND status = 'leased'
          AND id <> ALL(${besides}::uuid[]) LIMIT 1`,
      )
      return row?.id ?? null
    },
    release: (fold, as) => release(db, run, fold, as),
    heartbeat: (beat) => heartbeat(run, beat),
    appendCheckpoint: (fold, checkpoint) => appendCheckpoint(db, fold, checkpoint),
    discardCheckpoint: async (fold) =>
      void (await db.$executeRaw`
        UPDATE fold SET checkpoint_id = (
          SELECT before.id FROM checkpoint before JOIN checkpoint newest ON newest.id = fold.checkpoint_id
          WHERE before.fold_id = fold.id AND (before.step, before.created_at) < (newest.step, newest.created_at)
          ORDER BY before.step DESC, before.created_at DESC LIMIT 1)
        WHERE id = ${fold.id}::uuid`),
    setPriority: async ({ id }, priority) => {
      await db.$executeRaw`
        UPDATE fold SET priority = ${priority}, offer = CASE WHEN status = 'ready' THEN offer + 1 ELSE offer END,
          offered_at = CASE WHEN status = 'ready' THEN NULL ELSE offered_at END
        WHERE id = ${id}::uuid`
    },
    reopen: async ({ id }, { status, fromStart }) => {
      await db.$executeRaw`
        UPDATE fold SET status = ${status}, offer = offer + 1, offered_at = NULL, not_before = date_trunc('milliseconds', now()),
          failures = '{}', failure = NULL, lost_at_step = NULL, lost_in_a_row = 0, result = NULL, score = NULL,
          completed_at = NULL, progress = CASE WHEN ${fromStart} THEN NULL ELSE progress END,
          checkpoint_id = CASE WHEN ${fromStart} THEN NULL ELSE checkpoint_id END
        WHERE id = ${id}::uuid`
    },
    setScore: async (id, score) => void (await db.fold.update({ where: { id }, data: { score } })),
    fail: async ({ id, experimentId }, failure) => {
      await db.fold.update({ where: { id }, data: { status: 'failed', failure } })
      await lockExperiment(run, experimentId)
      await db.$executeRaw`
        UPDATE tally SET folds_completed = folds_completed - 1 WHERE experiment_id = ${experimentId}::uuid`
    },
    lockAll: async (experimentId) => {
      await db.$queryRaw`SELECT 1 FROM fold WHERE experiment_id = ${experimentId}::uuid ORDER BY index FOR UPDATE`
    },
    cancelAll: async (experimentId) => {
      await db.$executeRaw`
        UPDATE fold SET status = 'cancelled', completed_at = now()
        WHERE experiment_id = ${experimentId}::uuid AND status IN ('ready', 'paused')`
      await db.$executeRaw`
        UPDATE fold SET cancel_asked = true WHERE experiment_id = ${experimentId}::uuid AND status = 'leased'`
    },
    pauseAll: async (experimentId) => {
      await db.$executeRaw`
        UPDATE fold SET status = CASE WHEN status = 'ready' THEN 'paused' ELSE status END, pause_asked = status = 'leased'
        WHERE experiment_id = ${experimentId}::uuid AND status IN ('ready', 'leased')`
    },
    resumeAll: async (experimentId) => {
      await db.$executeRaw`
        UPDATE fold SET pause_asked = false WHERE experiment_id = ${experimentId}::uuid AND status = 'leased'`
      // The column keeps milliseconds: rounded up, a fold would be due only after this.
      return db.$queryRaw`
        WITH resumed AS (
          UPDATE fold SET status = 'ready', offer = offer + 1, offered_at = NULL,
            not_before = greatest(not_before, date_trunc('milliseconds', now()))
          WHERE experiment_id = ${experimentId}::uuid AND status = 'paused'
          RETURNING id, index, offer, pool, priority, not_before <= now() AS due
        )
        SELECT id, offer, pool, priority FROM resumed WHERE due ORDER BY index`
    },
    lockExpired: async (limit) => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT id FROM fold WHERE status = 'leased' AND lease_expires_at < now()
        ORDER BY lease_expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      return readLocked(
        run,
        rows.map((row) => row.id),
      )
    },
    unoffered: (olderThanSeconds, limit) => db.$queryRaw`
      SELECT f.id, f.offer, f.pool, f.priority FROM fold f
      WHERE ${isClaimable}
        AND (f.offered_at IS NULL OR f.offered_at < now() - make_interval(secs => ${olderThanSeconds}))
      ORDER BY f.offered_at NULLS FIRST, f.priority DESC, f.not_before LIMIT ${limit}`,
    markOffered: async (ids) => void (ids.length > 0 && (await run('mark-offered', offeredNow(ids)))),
    readableBlobs: (id) => readableBlobs(db, run, id),
    surplusCheckpoints: ({ keep, finalSeconds, limit }) => surplusCheckpoints(db, keep, finalSeconds, limit),
    checkpoints: (id, page) => listCheckpoints(db, id, page),
    checkpoint: async (id, digest) => {
      const [row] = await readCheckpoints(db, Prisma.sql`c.fold_id = ${id}::uuid AND c.digest = ${digest}`, 1)
      return row ? checkpointOf(row) : null
    },
    removeCheckpoints: (ids) => removeCheckpoints(db, ids),
  }
}

/**
 * Folds that this transaction has locked. A statement of its own, because one that waits for a lock sees the row it
 * waited for as it is now, but what is joined to it as it was before: a checkpoint committed meanwhile would be missing.
 *
 * In the order of their experiments: whoever goes on to lock those does it in one order, and so never in a circle.
 */
async function readLocked(run: RunPrepared, ids: readonly string[]): Promise<FoldRecord[]> {
  const rows = await run<FoldRow>(
    'read-locked-folds',
    Prisma.sql`
    SELECT ${foldColumns} FROM fold f LEFT JOIN checkpoint c ON c.id = f.checkpoint_id
    WHERE f.id = ANY(${ids}::uuid[]) ORDER BY f.experiment_id, f.index`,
  )
  return rows.map(foldRecordOf)
}

type Lease = Tables['folds']['lease']

/** The fold is locked already, so its experiment and then the tally are what is left to wait for, in that order. */
async function lease(
  run: RunPrepared,
  fold: FoldRecord,
  { sessionId, leaseSeconds }: Parameters<Lease>[1],
): ReturnType<Lease> {
  const fence = fold.fence + 1
  const attempt = fold.attempt + 1
  const [attemptId = ''] = timeOrderedIds(1)
  const [waited] = await run<Pick<NewLease, 'dueAt' | 'offeredAt' | 'leasedAt'>>(
    'lease-fold',
    Prisma.sql`
    WITH held AS (SELECT id FROM experiment WHERE id = ${fold.experimentId}::uuid FOR NO KEY UPDATE),
    counted AS (UPDATE tally SET attempts = attempts + 1 FROM held WHERE experiment_id = held.id),
    begun AS (
      INSERT INTO attempt (id, fold_id, number, fence, session_id, start_step)
      VALUES (${attemptId}::uuid, ${fold.id}::uuid, ${attempt}, ${fence}, ${sessionId}::uuid, ${fold.checkpoint?.step ?? 0})
    )
    UPDATE fold SET status = 'leased', fence = ${fence}, session_id = ${sessionId}::uuid, progress = NULL, failure = NULL,
      lease_expires_at = now() + make_interval(secs => ${leaseSeconds})
    WHERE id = ${fold.id}::uuid
    RETURNING not_before AS "dueAt", offered_at AS "offeredAt", now() AS "leasedAt"`,
  )
  return { fence, attempt, ...waited! }
}

async function leaseContext(run: RunPrepared, foldId: string) {
  const [row] = await run<ContextRow>(
    'lease-context',
    Prisma.sql`
    SELECT p.slug AS project, e.version, e.spec, e.spec_digest AS "specDigest", e.inputs, c.digest AS "codeDigest",
      c.size_bytes AS "codeSize", d.id, d.dataset, d.version AS "datasetVersion", d.manifest,
      d.manifest_size AS "manifestSize", d.shards, d.label_groups AS "labelGroups",
      d.split_facts AS "splitFacts"
    FROM fold f JOIN experiment e ON e.id = f.experiment_id JOIN project p ON p.id = e.project_id
      JOIN dataset_version d ON d.id = e.dataset_version_id LEFT JOIN code_bundle c ON c.id = e.code_bundle_id
    WHERE f.id = ${foldId}::uuid`,
  )
  const { project, version, spec, specDigest, inputs, codeDigest, codeSize, datasetVersion, ...dataset } = row!
  return {
    project,
    version,
    spec,
    specDigest,
    inputs,
    dataset: datasetRecordOf({ ...dataset, version: datasetVersion }),
    code: codeDigest === null ? null : { digest: codeDigest, sizeBytes: codeSize! },
  }
}

interface ContextRow {
  project: string
  version: number
  spec: ExperimentSpec
  specDigest: string
  inputs: ExperimentInput[]
  codeDigest: string | null
  codeSize: number | null
  id: string
  dataset: string
  datasetVersion: number
  manifest: string
  manifestSize: number
  shards: Prisma.JsonValue
  labelGroups: Prisma.JsonValue
  splitFacts: Prisma.JsonValue
}

async function release(db: Connection, run: RunPrepared, fold: FoldRecord, as: Release): Promise<void> {
  const attemptStatus: AttemptStatus = as.to === 'completed' || as.to === 'cancelled' ? as.to : as.attempt
  const failure = ('failure' in as ? as.failure : null) ?? null
  await lockExperiment(run, fold.experimentId)
  await db.$executeRaw`
    WITH ended AS (
      UPDATE attempt a SET status = ${attemptStatus}, end_step = ${as.endStep}, failure = ${failure}::jsonb, ended_at = now()
      FROM session s WHERE a.fold_id = ${fold.id}::uuid AND a.fence = ${fold.fence} AND s.id = a.session_id
      RETURNING extract(epoch FROM now() - a.started_at)::float8 AS seconds, s.accelerator IS NOT NULL AS has_gpu
    )
    UPDATE tally SET interruptions = interruptions + ${isInterrupted(attemptStatus) ? 1 : 0},
      folds_completed = folds_completed + ${as.to === 'completed' ? 1 : 0},
      session_seconds = session_seconds + seconds, gpu_seconds = gpu_seconds + CASE WHEN has_gpu THEN seconds ELSE 0 END
    FROM ended WHERE experiment_id = ${fold.experimentId}::uuid`
  if (as.to === 'ready' || as.to === 'paused')
    await db.$executeRaw`
      UPDATE fold SET status = ${as.to}, pause_asked = false, session_id = NULL, lease_expires_at = NULL, offer = offer + 1, offered_at = NULL,
        not_before = now() + make_interval(secs => ${as.delaySeconds}), failures = ${as.failures}::jsonb,
        failure = ${failure}::jsonb, lost_at_step = ${as.lostAtStep}, lost_in_a_row = ${as.lostInARow}
      WHERE id = ${fold.id}::uuid`
  else
    await db.$executeRaw`
      UPDATE fold SET status = ${as.to}, pause_asked = false, session_id = NULL, lease_expires_at = NULL, completed_at = now(),
        failure = ${failure}::jsonb, result = ${as.to === 'completed' ? as.result : null}::jsonb
      WHERE id = ${fold.id}::uuid`
}

/** One statement renews, and tells by its row whether the fence is still good; only then is anything stored. */
async function heartbeat(
  run: RunPrepared,
  beat: Heartbeat,
): Promise<{ cancelAsked: boolean; pauseAsked: boolean; sessionStatus: SessionStatus } | null> {
  const { foldId, sessionId, fence, leaseSeconds, progress, secondsLeft, metrics, logs } = beat
  const statement = Prisma.sql`
    WITH renewed AS (
      UPDATE fold SET lease_expires_at = now() + make_interval(secs => ${leaseSeconds}),
        progress = coalesce(${progress}::jsonb, progress)
      WHERE id = ${foldId}::uuid AND status = 'leased' AND fence = ${fence} AND session_id = ${sessionId}::uuid
      RETURNING cancel_asked, pause_asked
    ), seen AS (
      UPDATE session SET last_seen_at = now(),
        deadline_at = coalesce(now() + make_interval(secs => ${secondsLeft}::float8), deadline_at),
        status = CASE WHEN status = 'lost' THEN 'active' ELSE status END
      WHERE id = ${sessionId}::uuid AND EXISTS (SELECT 1 FROM renewed) RETURNING status
    ), points AS (
      INSERT INTO metric (fold_id, fence, seq, step, name, value)
      SELECT ${foldId}::uuid, ${fence}, m.seq, m.step, m.name, m.value
      FROM jsonb_to_recordset(${JSON.stringify(metrics)}::jsonb) AS m(seq int, step int, name text, value float8)
      WHERE EXISTS (SELECT 1 FROM renewed) ON CONFLICT DO NOTHING
    ), lines AS (
      INSERT INTO log_line (fold_id, fence, seq, level, text)
      SELECT ${foldId}::uuid, ${fence}, l.seq, l.level, l.text
      FROM jsonb_to_recordset(${JSON.stringify(logs)}::jsonb) AS l(seq int, level text, text text)
      WHERE EXISTS (SELECT 1 FROM renewed) ORDER BY l.seq ON CONFLICT DO NOTHING
    )
    SELECT renewed.cancel_asked AS "cancelAsked", renewed.pause_asked AS "pauseAsked", seen.status AS "sessionStatus" FROM renewed, seen`
  const [renewed] = await run<{ cancelAsked: boolean; pauseAsked: boolean; sessionStatus: SessionStatus }>(
    'heartbeat',
    statement,
  )
  return renewed ?? null
}

type AppendCheckpoint = Tables['folds']['appendCheckpoint']

async function appendCheckpoint(
  db: Connection,
  fold: FoldRecord,
  { digest, sizeBytes, manifest }: Parameters<AppendCheckpoint>[1],
): ReturnType<AppendCheckpoint> {
  const { step } = manifest.position
  const row = await db.checkpoint.upsert({
    where: { foldId_digest: { foldId: fold.id, digest } },
    create: { foldId: fold.id, fence: fold.fence, digest, step, sizeBytes, manifest },
    update: {},
  })
  // Equal steps: the later one knows more (best weights, the end of training).
  if (step >= (fold.checkpoint?.step ?? 0))
    await db.fold.update({ where: { id: fold.id }, data: { checkpointId: row.id } })
  return { committedAt: row.createdAt.toISOString() }
}

async function readableBlobs(db: Connection, run: RunPrepared, foldId: string): Promise<ReadonlySet<string>> {
  const context = await leaseContext(run, foldId)
  const fold = await db.fold.findUniqueOrThrow({ where: { id: foldId }, include: { checkpoint: true } })
  const checkpoint = fold.checkpoint && [fold.checkpoint.digest, ...filesOf(fold.checkpoint.manifest)]
  return new Set([
    context.dataset.manifest.digest,
    ...context.dataset.shards.map((shard: Blob) => shard.digest),
    ...(context.code ? [context.code.digest] : []),
    ...context.inputs.map((input) => input.digest),
    ...(checkpoint ?? []),
  ])
}

function filesOf(manifest: unknown): string[] {
  return (manifest as CheckpointManifest).files.map((file) => file.digest)
}

interface CheckpointRow {
  id: string
  digest: string
  step: number
  attempt: number
  isNewest: boolean
  sizeBytes: bigint
  createdAt: Date
  manifest: CheckpointManifest
}

function readCheckpoints(db: Connection, where: Prisma.Sql, limit: number): Promise<CheckpointRow[]> {
  return db.$queryRaw`
    SELECT c.id, c.digest, c.step, a.number AS attempt, f.checkpoint_id IS NOT DISTINCT FROM c.id AS "isNewest",
      c.size_bytes AS "sizeBytes", c.created_at AS "createdAt", c.manifest
    FROM checkpoint c JOIN fold f ON f.id = c.fold_id JOIN attempt a ON a.fold_id = c.fold_id AND a.fence = c.fence
    WHERE ${where} ORDER BY c.step DESC, c.created_at DESC, c.id DESC LIMIT ${limit}`
}

async function listCheckpoints(db: Connection, foldId: string, { cursor, limit }: PageRequest) {
  const before = decodeCursor('step', cursor, ['number', 'moment', 'id'])
  const [step, createdAt, id] = before ?? []
  const rest = before
    ? Prisma.sql`AND (c.step, c.created_at, c.id) < (${step}, ${createdAt}::timestamptz, ${id}::uuid)`
    : Prisma.empty
  const rows = await readCheckpoints(db, Prisma.sql`c.fold_id = ${foldId}::uuid ${rest}`, limit + 1)
  return pageOf(rows, limit, {
    order: 'step',
    keyOf: (row) => [row.step, row.createdAt.toISOString(), row.id],
    itemOf: checkpointOf,
  })
}

function checkpointOf({ id: _, sizeBytes, createdAt, ...row }: CheckpointRow): Checkpoint {
  return { ...row, sizeBytes: Number(sizeBytes), committedAt: createdAt.toISOString() }
}

/** A checkpoint that came after its fold's newest was discarded: it cannot be read, and is not one of those to keep. */
async function surplusCheckpoints(db: Connection, keep: number, finalSeconds: number, limit: number) {
  const rows = await db.$queryRaw<{ id: string; digest: string; manifest: CheckpointManifest }[]>`
    WITH free AS MATERIALIZED (${mayRemoveObjects}),
    aged AS (
      SELECT c.id, row_number() OVER (PARTITION BY c.fold_id ORDER BY c.step DESC, c.created_at DESC) AS age
      FROM checkpoint c JOIN fold f ON f.id = c.fold_id JOIN checkpoint newest ON newest.id = f.checkpoint_id
      WHERE (c.step, c.created_at) <= (newest.step, newest.created_at)
    )
    SELECT c.id, c.digest, c.manifest
    FROM checkpoint c JOIN fold f ON f.id = c.fold_id LEFT JOIN aged ON aged.id = c.id
    WHERE (SELECT ok FROM free) AND (aged.age IS NULL OR aged.age > ${keep}
      OR (f.status IN ('completed', 'failed', 'cancelled') AND f.completed_at < now() - make_interval(secs => ${finalSeconds})))
    LIMIT ${limit}`
  return rows.map((row) => ({ id: row.id, digests: [row.digest, ...filesOf(row.manifest)] }))
}

/**
 * What a fold that was retried meanwhile goes on from stays. So does what is being committed again just now: training is
 * repeated to the byte, and a fold that begins anew makes checkpoints that are there from before. They are locked by a
 * statement of its own, so that the one after it sees whose newest they have become.
 *
 * An object is an orphan only if nothing names it any more: no checkpoint, no result, and nothing that a session never
 * wrote, which it could name as its checkpoint all the same. Before it is removed that is asked once more, with the
 * commits held off that may name it; who comes after is told that it is missing, and sends it again.
 */
async function removeCheckpoints(db: Connection, ids: readonly string[]): Promise<string[]> {
  await db.$queryRaw`SELECT 1 FROM checkpoint WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`
  const rows = await db.$queryRaw<{ digest: string }[]>`
    WITH free AS MATERIALIZED (${mayRemoveObjects}),
    gone AS (
      UPDATE fold SET checkpoint_id = NULL FROM (
        SELECT id, checkpoint_id FROM fold
        WHERE (SELECT ok FROM free) AND checkpoint_id = ANY(${ids}::uuid[]) AND status IN ('completed', 'failed', 'cancelled')
        FOR UPDATE SKIP LOCKED
      ) final WHERE fold.id = final.id
      RETURNING final.checkpoint_id AS id
    ), removed AS (
      DELETE FROM checkpoint c WHERE (SELECT ok FROM free) AND c.id = ANY(${ids}::uuid[])
        AND (c.id IN (SELECT id FROM gone) OR NOT EXISTS (SELECT 1 FROM fold f WHERE f.checkpoint_id = c.id))
      RETURNING digest, manifest
    )
    SELECT DISTINCT named.digest FROM (
      SELECT digest FROM removed
      UNION SELECT file->>'digest' FROM removed, jsonb_array_elements(removed.manifest->'files') AS file
    ) named
    WHERE NOT EXISTS (${referrersOf(Prisma.sql`named.digest`, ids)})`
  return rows.map((row) => row.digest)
}

function attemptOf(row: Prisma.AttemptGetPayload<{ include: { session: { select: { name: true } } } }>): Attempt {
  return {
    number: row.number,
    status: row.status as AttemptStatus,
    sessionId: row.sessionId,
    session: row.session.name,
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    startStep: row.startStep,
    endStep: row.endStep,
    failure: row.failure as Failure | null,
  }
}

function spanOf(row: Parameters<typeof attemptOf>[0]): FoldCurves['attempts'][number] {
  const { number, status, session, startStep, endStep, startedAt, endedAt } = attemptOf(row)
  return { number, status, session, startStep, endStep, startedAt, endedAt }
}
