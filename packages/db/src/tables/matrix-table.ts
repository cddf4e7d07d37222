import type { CellValues, ExperimentSpec, ExperimentStatus, FoldStatus, MatrixSpec } from '@baton/contracts'
import type { MatrixRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'

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
    get: async (project, version) => {
      const row = await db.matrix.findFirst({
        where: { project: { slug: project }, cells: { some: { experiment: { version } } } },
        include,
      })
      return row && matrixOf(row)
    },
  }
}

function matrixOf(row: Prisma.MatrixGetPayload<{ include: typeof include }>): MatrixRecord {
  return {
    id: row.id,
    version: row.version,
    name: (row.spec as unknown as MatrixSpec).name,
    createdAt: row.createdAt.toISOString(),
    cells: row.cells.map(({ values, experiment }) => ({
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
