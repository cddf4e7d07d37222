import { isFinal } from '@baton/contracts'
import type {
  CellValues,
  ExperimentSpec,
  ExperimentStatus,
  FoldStatus,
  HalvingStop,
  MatrixRow,
  MatrixSpec,
} from '@baton/contracts'
import type { MatrixRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'
import { newestFirst } from './newest-first.ts'

const include = {
  cells: {
    include: {
      experiment: {
        include: { folds: { select: { index: true, status: true, score: true }, orderBy: { index: 'asc' } } },
      },
    },
    orderBy: { experiment: { version: 'asc' } },
  },
} satisfies Prisma.MatrixInclude

/** As little of the experiments as a list takes. */
const listed = {
  cells: { select: { experiment: { select: { version: true, status: true, cv: true } } } },
} satisfies Prisma.MatrixInclude

export function matrixTable(db: Connection): Tables['matrices'] {
  return {
    insert: async ({ cells, ...matrix }) => {
      const { id } = await db.matrix.create({ data: matrix, select: { id: true } })
      await db.matrixCell.createMany({ data: cells.map((cell) => ({ ...cell, matrixId: id })) })
      await db.$executeRaw`
        UPDATE experiment SET matrix = ${matrix.version}
        WHERE id = ANY(${cells.map(({ experimentId }) => experimentId)}::uuid[])`
    },
    find: async (id) => {
      const row = await db.matrix.findUnique({ where: { id }, select: { version: true } })
      return row?.version ?? null
    },
    list: (projectId, page) =>
      newestFirst(page, rowOf, ({ where, ...part }) =>
        db.matrix.findMany({ where: { projectId, ...where }, include: listed, ...part }),
      ),
    get: async (project, version) => {
      const row = await db.matrix.findFirst({
        where: { project: { slug: project }, cells: { some: { experiment: { version } } } },
        include,
      })
      return row && matrixOf(row)
    },
    halvingOf: async (experimentId) => {
      const row = await db.matrix.findFirst({ where: { cells: { some: { experimentId } } }, include })
      const matrix = row && matrixOf(row)
      return matrix?.halving ? matrix : null
    },
    lock: async (id) => {
      await db.$queryRaw`SELECT 1 FROM matrix WHERE id = ${id}::uuid FOR NO KEY UPDATE`
      return matrixOf(await db.matrix.findUniqueOrThrow({ where: { id }, include }))
    },
    addRung: async (experimentId, folds, scores) =>
      void (await db.$executeRaw`
        UPDATE matrix_cell SET rungs = jsonb_build_object(${String(folds)}::text, ${JSON.stringify(scores)}::jsonb) || rungs
        WHERE experiment_id = ${experimentId}::uuid`),
    setFoldsCompared: async (id, folds) =>
      void (await db.$executeRaw`UPDATE matrix SET folds_compared = ${folds} WHERE id = ${id}::uuid`),
    stop: async (experimentId, why) =>
      void (await db.$executeRaw`
        UPDATE matrix_cell SET stopped = ${JSON.stringify(why)}::jsonb WHERE experiment_id = ${experimentId}::uuid`),
    halving: async (limit) => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT DISTINCT m.id FROM experiment e JOIN matrix_cell c ON c.experiment_id = e.id JOIN matrix m ON m.id = c.matrix_id
        WHERE e.status IN ('queued', 'running', 'paused') AND jsonb_typeof(m.spec->'halving') = 'object' LIMIT ${limit}`
      return rows.map(({ id }) => id)
    },
  }
}

function matrixOf(row: Prisma.MatrixGetPayload<{ include: typeof include }>): MatrixRecord {
  return {
    id: row.id,
    version: row.version,
    name: (row.spec as unknown as MatrixSpec).name,
    createdAt: row.createdAt.toISOString(),
    halving: (row.spec as unknown as MatrixSpec).halving,
    foldsCompared: row.foldsCompared,
    cells: row.cells.map(({ values, rungs, stopped, experiment }) => ({
      experimentId: experiment.id,
      rungs: rungs as Record<string, number[]>,
      stopped: stopped as HalvingStop | null,
      version: experiment.version,
      name: experiment.name,
      status: experiment.status as ExperimentStatus,
      cv: experiment.cv,
      cvMean: experiment.cvMean,
      cvStd: experiment.cvStd,
      values: values as CellValues,
      spec: experiment.spec as unknown as ExperimentSpec,
      folds: experiment.folds.map((fold) => ({ ...fold, status: fold.status as FoldStatus })),
    })),
  }
}

function rowOf({ version, spec, createdAt, cells }: Prisma.MatrixGetPayload<{ include: typeof listed }>): MatrixRow {
  const { name, halving } = spec as unknown as MatrixSpec
  const experiments = cells.map(({ experiment }) => experiment)
  const best = experiments.reduce<{ version: number; cv: number } | null>(
    (most, { version: of, cv }) => (cv !== null && (most === null || cv > most.cv) ? { version: of, cv } : most),
    null,
  )
  return {
    version,
    name,
    createdAt: createdAt.toISOString(),
    halving,
    lastVersion: Math.max(...experiments.map((of) => of.version)),
    experiments: experiments.length,
    completed: experiments.filter(({ status }) => status === 'completed').length,
    open: experiments.filter(({ status }) => !isFinal(status as ExperimentStatus)).length,
    cvBest: best?.cv ?? null,
    best: best?.version ?? null,
  }
}
