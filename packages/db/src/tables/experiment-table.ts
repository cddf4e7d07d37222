import type {
  Blob,
  Experiment,
  ExperimentSpec,
  ExperimentStatus,
  Failure,
  FoldResult,
  FoldStatus,
} from '@baton/contracts'
import type { ExperimentRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'
import { boardPage } from './board-page.ts'
import { datasetRecordOf } from './dataset-table.ts'
import { foldInclude, foldOf } from './fold-rows.ts'
import { jsonOf } from './json.ts'
import { lockExperiment } from './lock-experiment.ts'

const wholeInclude = {
  project: true,
  datasetVersion: true,
  codeBundle: true,
  folds: { include: foldInclude, orderBy: { index: 'asc' } },
} satisfies Prisma.ExperimentInclude
type WholeRow = Prisma.ExperimentGetPayload<{ include: typeof wholeInclude }>

export function experimentTable(db: Connection): Tables['experiments'] {
  return {
    insert: async ({ folds, ...experiment }) => {
      const { spec } = experiment
      const { id } = await db.experiment.create({
        data: {
          ...experiment,
          name: spec.name,
          tally: { create: { projectId: experiment.projectId, version: experiment.version, foldsTotal: folds.length } },
        },
        select: { id: true },
      })
      // One statement for all of them; nested in the other they would be one each.
      const rows = await db.fold.createManyAndReturn({
        data: folds.map((index) => ({ experimentId: id, index, pool: spec.pool, priority: spec.priority })),
        select: { id: true, index: true },
      })
      return { id, foldIds: rows.toSorted((a, b) => a.index - b.index).map((fold) => fold.id) }
    },
    get: async (project, version) => {
      const row = await db.experiment.findFirst({
        where: { project: { slug: project }, version },
        include: wholeInclude,
      })
      return row && experimentOf(row)
    },
    page: (query) => boardPage(db, query),
    find: (id, options) => findRecord(db, id, options?.lock ?? false),
    reopen: async (id) => {
      await db.$executeRaw`
        UPDATE experiment SET status = 'running', failure = NULL, completed_at = NULL
        WHERE id = ${id}::uuid AND status IN ('running', 'assembling', 'failed')`
    },
    begin: async (id) =>
      void (await db.$executeRaw`UPDATE experiment SET status = 'running' WHERE id = ${id}::uuid AND status = 'queued'`),
    setStatus: async (id, status, failure) => {
      const final = status === 'completed' || status === 'failed' || status === 'cancelled'
      await db.$executeRaw`
        UPDATE experiment
        SET status = ${status}, failure = ${failure ?? null}::jsonb, completed_at = CASE WHEN ${final} THEN now() END
        WHERE id = ${id}::uuid AND status NOT IN ('completed', 'failed', 'cancelled')`
    },
    complete: (id, scores) => complete(db, id, scores),
    recordLb: async (id, lb) => void (await db.experiment.update({ where: { id }, data: lb })),
    bestLb: async (projectId) => {
      const { _max } = await db.experiment.aggregate({ where: { projectId }, _max: { lbPublic: true } })
      return _max.lbPublic
    },
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
  if (lock) await lockExperiment(db, id)
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
  const scored = foldScores.map(({ score }) => score)
  await db.experiment.update({
    where: { id },
    data: {
      status: 'completed',
      cv,
      cvMean,
      cvStd,
      foldMin: Math.min(...scored),
      foldMax: Math.max(...scored),
      thresholds,
      testPredictions: jsonOf(testPredictions),
    },
    select: { id: true },
  })
  await db.$executeRaw`UPDATE experiment SET completed_at = now() WHERE id = ${id}::uuid`
  const { attempts, interruptions } = await db.tally.findUniqueOrThrow({ where: { experimentId: id } })
  return { attempts, interruptions }
}

function experimentOf(row: WholeRow): Experiment {
  return {
    id: row.id,
    project: row.project.slug,
    version: row.version,
    name: row.name,
    status: row.status as ExperimentStatus,
    parent: row.parent,
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
    spec: row.spec as unknown as ExperimentSpec,
    specDigest: row.specDigest,
    folds: row.folds.map(foldOf),
    thresholds: row.thresholds as Record<string, number> | null,
    testPredictions: row.testPredictions as Blob | null,
    failure: row.failure as Failure | null,
  }
}
