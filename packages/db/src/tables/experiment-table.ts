import type {
  Blend,
  Experiment,
  ExperimentSpec,
  ExperimentStatus,
  Failure,
  FoldResult,
  FoldStatus,
} from '@baton/contracts'
import type { ExperimentRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { timeOrderedIds } from '../time-ordered-ids.ts'
import { unnamedAmong } from './blob-references.ts'
import { boardPage } from './board-page.ts'
import { datasetRecordOf } from './dataset-table.ts'
import { foldOf, seenFolds } from './fold-rows.ts'
import type { SeenFold } from './fold-rows.ts'
import { jsonOf } from './json.ts'
import { lockExperiment } from './lock-experiment.ts'

export function experimentTable(db: Connection, run: RunPrepared): Tables['experiments'] {
  return {
    holdObjects: (digests) => holdObjects(db, digests),
    insert: (experiment) => insert(run, experiment),
    get: async (project, version) => {
      const [row] = await run<WholeRow>(
        'get-experiment',
        Prisma.sql`
        SELECT e.id, p.slug AS project, e.version, e.name, e.status, e.parent, e.matrix, c.stopped,
          d.dataset || '@' || d.version AS dataset, b.digest AS code, e.cv, e.cv_mean AS "cvMean", e.cv_std AS "cvStd",
          e.cv_low AS "cvLow", e.cv_high AS "cvHigh", e.metrics,
          e.blend,
          e.lb_public AS "lbPublic", e.lb_private AS "lbPrivate", e.created_at AS "createdAt",
          e.completed_at AS "completedAt", e.spec, e.spec_digest AS "specDigest", e.inputs, e.thresholds,
          e.knn_weight AS "knnWeight", e.distance_slope AS "distanceSlope",
          e.test_predictions AS "testPredictions", e.failure, (
            SELECT json_agg(seen ORDER BY seen.index) FROM (${seenFolds} WHERE f.experiment_id = e.id) seen
          ) AS folds
        FROM experiment e JOIN project p ON p.id = e.project_id
          JOIN dataset_version d ON d.id = e.dataset_version_id LEFT JOIN code_bundle b ON b.id = e.code_bundle_id
          LEFT JOIN matrix_cell c ON c.experiment_id = e.id
        WHERE p.slug = ${project} AND e.version = ${version}`,
      )
      return row ? experimentOf(row) : null
    },
    page: (query) => boardPage(db, query),
    find: (id, options) => findRecord(db, run, id, options?.lock ?? false),
    findVersion: async (projectId, version) => {
      const key = { projectId_version: { projectId, version } }
      const row = await db.experiment.findUnique({ where: key, include: recordInclude })
      return row && recordOf(row)
    },
    reopen: async (id) => {
      await db.$executeRaw`
        UPDATE experiment SET status = 'running', failure = NULL, completed_at = NULL
        WHERE id = ${id}::uuid AND status IN ('running', 'assembling', 'failed')`
    },
    begin: async (id) =>
      void (await run(
        'begin-experiment',
        Prisma.sql`UPDATE experiment SET status = 'running' WHERE id = ${id}::uuid AND status = 'queued'`,
      )),
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
    unassembled: async (after, limit) => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT e.id FROM experiment e
        WHERE e.status IN ('queued', 'running', 'paused', 'assembling') AND (
          NOT EXISTS (SELECT 1 FROM fold f WHERE f.experiment_id = e.id AND f.status IN ('ready', 'leased', 'paused'))
          OR EXISTS (SELECT 1 FROM fold f WHERE f.experiment_id = e.id AND f.status = 'completed' AND f.score IS NULL))
          AND (${after}::uuid IS NULL OR e.id > ${after}::uuid)
        ORDER BY e.id LIMIT ${limit}`
      return rows.map((row) => row.id)
    },
  }
}

type Insert = Tables['experiments']['insert']

/** One statement, and so one way to the database: each costs as much as what it does there. */
async function insert(run: RunPrepared, experiment: Parameters<Insert>[0]): ReturnType<Insert> {
  const { projectId, parent, spec, specDigest, datasetVersionId, codeBundleId, inputs, folds, priorities } = experiment
  const { blend = null } = experiment
  const isMade = blend !== null
  const [newId = '', ...foldIds] = timeOrderedIds(1 + folds.length)
  const id = experiment.id ?? newId
  // The column keeps milliseconds: rounded up, a fold would be due only after this.
  const [row] = await run<{ version: number }>(
    'insert-experiment',
    Prisma.sql`
    WITH numbered AS (
      UPDATE project SET next_version = next_version + 1 WHERE id = ${projectId}::uuid
      RETURNING id AS project_id, next_version - 1 AS version
    ), made AS (
      INSERT INTO experiment (id, project_id, version, name, parent, status, spec, blend, spec_digest, dataset_version_id,
        code_bundle_id, inputs)
      SELECT ${id}::uuid, project_id, version, ${spec.name}, ${parent}::int, ${isMade ? 'assembling' : 'queued'},
        ${JSON.stringify(spec)}::jsonb, ${blend && JSON.stringify(blend)}::jsonb, ${specDigest},
        ${datasetVersionId}::uuid, ${codeBundleId}::uuid, ${JSON.stringify(inputs)}::jsonb
      FROM numbered
      RETURNING id, project_id, version
    ), counted AS (
      INSERT INTO tally (experiment_id, project_id, version, folds_total, folds_completed)
      SELECT id, project_id, version, ${folds.length}, ${isMade ? folds.length : 0} FROM made
    ), waiting AS (
      INSERT INTO fold (id, experiment_id, index, status, pool, priority, not_before)
      SELECT fold.id, made.id, fold.index, ${isMade ? 'completed' : 'ready'}, ${spec.pool}, fold.priority,
        date_trunc('milliseconds', now())
      FROM made, unnest(${foldIds}::uuid[], ${folds}::int[], ${priorities}::int[]) AS fold(id, index, priority)
    )
    SELECT version FROM made`,
  )
  return { id, version: row!.version, foldIds }
}

/**
 * The rows are locked by a statement of its own: who is just removing one of them has done so before the next statement
 * looks, and who comes later waits and finds the object named.
 */
async function holdObjects(db: Connection, digests: readonly string[]): Promise<string[]> {
  await db.$queryRaw`
    SELECT 1 FROM checkpoint WHERE id IN (
      SELECT c.id FROM checkpoint c, jsonb_array_elements(c.manifest->'files') AS file
      WHERE file->>'digest' = ANY(${digests}::text[]))
    ORDER BY id FOR KEY SHARE`
  await db.$queryRaw`SELECT 1 FROM artifact WHERE digest = ANY(${digests}::text[]) ORDER BY id FOR KEY SHARE`
  const rows = await db.$queryRaw<{ digest: string }[]>(unnamedAmong(digests))
  return rows.map(({ digest }) => digest)
}

async function findRecord(
  db: Connection,
  run: RunPrepared,
  id: string,
  lock: boolean,
): Promise<ExperimentRecord | null> {
  if (lock) await lockExperiment(run, id)
  const row = await db.experiment.findUnique({ where: { id }, include: recordInclude })
  return row && recordOf(row)
}

const recordInclude = {
  datasetVersion: true,
  folds: { include: { _count: { select: { attempts: true } } }, orderBy: { index: 'asc' } },
} satisfies Prisma.ExperimentInclude

function recordOf(row: Prisma.ExperimentGetPayload<{ include: typeof recordInclude }>): ExperimentRecord {
  return {
    id: row.id,
    projectId: row.projectId,
    version: row.version,
    status: row.status as ExperimentStatus,
    spec: row.spec as unknown as ExperimentSpec,
    blend: row.blend as Blend | null,
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
  const { cv, cvMean, cvStd, cvLow, cvHigh, metrics, foldScores, thresholds, testPredictions, blend } = scores
  const { knnWeight, distanceSlope } = scores
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
      cvLow,
      cvHigh,
      metrics,
      ...(blend === undefined ? {} : { blend }),
      foldMin: Math.min(...scored),
      foldMax: Math.max(...scored),
      thresholds,
      knnWeight,
      distanceSlope,
      testPredictions: jsonOf(testPredictions),
    },
    select: { id: true },
  })
  await db.$executeRaw`UPDATE experiment SET completed_at = now() WHERE id = ${id}::uuid`
  const { attempts, interruptions } = await db.tally.findUniqueOrThrow({ where: { experimentId: id } })
  return { attempts, interruptions }
}

interface WholeRow extends Omit<Experiment, 'createdAt' | 'completedAt' | 'folds' | 'foldsTotal' | 'foldsCompleted'> {
  createdAt: Date
  completedAt: Date | null
  folds: SeenFold[]
}

function experimentOf({ folds, createdAt, completedAt, ...row }: WholeRow): Experiment {
  return {
    id: row.id,
    project: row.project,
    version: row.version,
    name: row.name,
    status: row.status,
    parent: row.parent,
    blend: row.blend,
    matrix: row.matrix,
    stopped: row.stopped,
    dataset: row.dataset,
    code: row.code,
    foldsTotal: folds.length,
    foldsCompleted: folds.filter((fold) => fold.status === 'completed').length,
    cv: row.cv,
    cvMean: row.cvMean,
    cvStd: row.cvStd,
    cvLow: row.cvLow,
    cvHigh: row.cvHigh,
    lbPublic: row.lbPublic,
    lbPrivate: row.lbPrivate,
    createdAt: createdAt.toISOString(),
    completedAt: completedAt?.toISOString() ?? null,
    spec: row.spec,
    specDigest: row.specDigest,
    inputs: row.inputs,
    folds: folds.map(foldOf),
    metrics: row.metrics,
    thresholds: row.thresholds,
    knnWeight: row.knnWeight,
    distanceSlope: row.distanceSlope,
    testPredictions: row.testPredictions,
    failure: row.failure,
  }
}
