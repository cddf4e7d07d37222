import type {
  Blob,
  Experiment,
  ExperimentSpec,
  ExperimentStatus,
  ExperimentSummary,
  Failure,
  FoldResult,
  FoldStatus,
  LeaderboardRow,
} from '@baton/contracts'
import type { ExperimentRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'
import type { LeaderboardRowModel } from '../generated/models.ts'
import { datasetRecordOf } from './dataset-table.ts'
import { foldInclude, foldOf } from './fold-rows.ts'
import { jsonOf } from './json.ts'

const summaryInclude = {
  project: true,
  datasetVersion: true,
  codeBundle: true,
  folds: { select: { status: true } },
} satisfies Prisma.ExperimentInclude
const wholeInclude = {
  ...summaryInclude,
  folds: { include: foldInclude, orderBy: { index: 'asc' } },
} satisfies Prisma.ExperimentInclude
type SummaryRow = Prisma.ExperimentGetPayload<{ include: typeof summaryInclude }>
type WholeRow = Prisma.ExperimentGetPayload<{ include: typeof wholeInclude }>

export function experimentTable(db: Connection): Tables['experiments'] {
  return {
    insert: async ({ folds, ...experiment }) => {
      const { spec } = experiment
      const { id, folds: rows } = await db.experiment.create({
        data: {
          ...experiment,
          name: spec.name,
          folds: { create: folds.map((index) => ({ index, pool: spec.pool, priority: spec.priority })) },
        },
        include: { folds: { select: { id: true }, orderBy: { index: 'asc' } } },
      })
      return { id, foldIds: rows.map((fold) => fold.id) }
    },
    get: async (project, version) => {
      const row = await db.experiment.findFirst({
        where: { project: { slug: project }, version },
        include: wholeInclude,
      })
      return row && experimentOf(row)
    },
    list: async (project) =>
      (
        await db.experiment.findMany({
          where: { project: { slug: project } },
          include: summaryInclude,
          orderBy: { version: 'desc' },
        })
      ).map(summaryOf),
    find: (id, options) => findRecord(db, id, options?.lock ?? false),
    steer: async (id) => void (await db.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${id}, 0))::text`),
    setStatus: async (id, status, failure) => {
      const final = status === 'completed' || status === 'failed' || status === 'cancelled'
      await db.$executeRaw`
        UPDATE experiment
        SET status = ${status}, failure = ${failure ?? null}::jsonb, completed_at = CASE WHEN ${final} THEN now() END
        WHERE id = ${id}::uuid AND status NOT IN ('completed', 'failed', 'cancelled')`
    },
    complete: (id, scores) => complete(db, id, scores),
    recordLb: async (id, lb) => {
      await db.experiment.update({ where: { id }, data: lb })
      await db.leaderboardRow.updateMany({ where: { experimentId: id }, data: lb })
    },
    leaderboard: async (project, limit) =>
      (
        await db.leaderboardRow.findMany({
          where: { project: { slug: project } },
          orderBy: [{ cv: 'desc' }, { version: 'asc' }],
          take: limit,
        })
      ).map(leaderboardRowOf),
    unassembled: async () => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT e.id FROM experiment e
        WHERE e.status IN ('queued', 'running', 'paused', 'assembling') AND (
          NOT EXISTS (SELECT 1 FROM fold f WHERE f.experiment_id = e.id AND f.status IN ('ready', 'leased', 'paused'))
          OR EXISTS (SELECT 1 FROM fold f WHERE f.experiment_id = e.id AND f.status = 'completed' AND f.score IS NULL))
        LIMIT 100`
      return rows.map((row) => row.id)
    },
  }
}

async function findRecord(db: Connection, id: string, lock: boolean): Promise<ExperimentRecord | null> {
  if (lock) await db.$queryRaw`SELECT 1 FROM experiment WHERE id = ${id}::uuid FOR NO KEY UPDATE`
  const row = await db.experiment.findUnique({
    where: { id },
    include: {
      datasetVersion: true,
      folds: { include: { _count: { select: { attempts: true } } }, orderBy: { index: 'asc' } },
    },
  })
  if (row === null) return null
  return {
    id: row.id,
    projectId: row.projectId,
    version: row.version,
    status: row.status as ExperimentStatus,
    spec: row.spec as unknown as ExperimentSpec,
    dataset: datasetRecordOf(row.datasetVersion),
    folds: row.folds.map((fold) => ({
      id: fold.id,
      index: fold.index,
      status: fold.status as FoldStatus,
      result: fold.result as FoldResult | null,
      score: fold.score,
      failure: fold.failure as Failure | null,
      attempts: fold._count.attempts,
    })),
  }
}

type Complete = Tables['experiments']['complete']

async function complete(db: Connection, id: string, scores: Parameters<Complete>[1]): ReturnType<Complete> {
  const { cv, cvMean, cvStd, foldScores, thresholds, testPredictions } = scores
  for (const { fold, score } of foldScores)
    await db.fold.updateMany({ where: { experimentId: id, index: fold }, data: { score } })
  const experiment = await db.experiment.update({
    where: { id },
    data: {
      status: 'completed',
      cv,
      cvMean,
      cvStd,
      thresholds,
      testPredictions: jsonOf(testPredictions),
    },
    include: { datasetVersion: true, codeBundle: true },
  })
  const [totals] = await db.$queryRaw<[{ attempts: number; interruptions: number; seconds: number; now: Date }]>`
    UPDATE experiment SET completed_at = now() WHERE id = ${id}::uuid RETURNING now() AS now,
      (SELECT count(*)::int FROM attempt a JOIN fold f ON f.id = a.fold_id WHERE f.experiment_id = ${id}::uuid) AS attempts,
      (SELECT count(*)::int FROM attempt a JOIN fold f ON f.id = a.fold_id
        WHERE f.experiment_id = ${id}::uuid AND a.status IN ('handed_over', 'lost')) AS interruptions,
      (SELECT coalesce(sum(extract(epoch FROM coalesce(a.ended_at, now()) - a.started_at)), 0)::float8
        FROM attempt a JOIN fold f ON f.id = a.fold_id WHERE f.experiment_id = ${id}::uuid) AS seconds`
  const { attempts, interruptions, seconds, now } = totals
  await db.leaderboardRow.create({
    data: {
      experimentId: id,
      projectId: experiment.projectId,
      version: experiment.version,
      name: experiment.name,
      dataset: `${experiment.datasetVersion.dataset}@${experiment.datasetVersion.version}`,
      code: experiment.codeBundle?.digest ?? null,
      cv,
      cvMean,
      cvStd,
      foldScores: foldScores.map(({ score }) => score),
      lbPublic: experiment.lbPublic,
      lbPrivate: experiment.lbPrivate,
      attempts,
      interruptions,
      sessionSeconds: seconds,
      completedAt: now,
    },
  })
  return { attempts, interruptions }
}

function summaryOf(row: SummaryRow): ExperimentSummary {
  return {
    id: row.id,
    project: row.project.slug,
    version: row.version,
    name: row.name,
    status: row.status as ExperimentStatus,
    dataset: `${row.datasetVersion.dataset}@${row.datasetVersion.version}`,
    code: row.codeBundle?.digest ?? null,
    foldsTotal: row.folds.length,
    foldsCompleted: row.folds.filter((fold) => fold.status === 'completed').length,
    cv: row.cv,
    cvMean: row.cvMean,
    cvStd: row.cvStd,
    lbPublic: row.lbPublic,
    lbPrivate: row.lbPrivate,
    createdAt: row.createdAt.toISOString(),
    completedAt: row.completedAt?.toISOString() ?? null,
  }
}

function experimentOf(row: WholeRow): Experiment {
  return {
    ...summaryOf(row),
    spec: row.spec as unknown as ExperimentSpec,
    specDigest: row.specDigest,
    folds: row.folds.map(foldOf),
    thresholds: row.thresholds as Record<string, number> | null,
    testPredictions: row.testPredictions as Blob | null,
    failure: row.failure as Failure | null,
  }
}

function leaderboardRowOf(row: LeaderboardRowModel, index: number): LeaderboardRow {
  return {
    rank: index + 1,
    version: row.version,
    name: row.name,
    dataset: row.dataset,
    code: row.code,
    cv: row.cv,
    cvMean: row.cvMean,
    cvStd: row.cvStd,
    foldScores: row.foldScores,
    lbPublic: row.lbPublic,
    lbPrivate: row.lbPrivate,
    attempts: row.attempts,
    interruptions: row.interruptions,
    sessionSeconds: row.sessionSeconds,
    completedAt: row.completedAt.toISOString(),
  }
}
