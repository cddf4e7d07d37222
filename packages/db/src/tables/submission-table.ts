import type { ExperimentSpec, Blob, Failure, Submission, SubmissionOptions, SubmissionStatus } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'
import { datasetRecordOf } from './dataset-table.ts'

const include = {
  project: { select: { slug: true } },
  experiment: { select: { version: true } },
} satisfies Prisma.SubmissionInclude

export function submissionTable(db: Connection): Tables['submissions'] {
  return {
    insert: async ({ id, experimentId, options }) => {
      const { projectId } = await db.experiment.findUniqueOrThrow({
        where: { id: experimentId },
        select: { projectId: true },
      })
      const { nextSubmission } = await db.project.update({
        where: { id: projectId },
        data: { nextSubmission: { increment: 1 } },
        select: { nextSubmission: true },
      })
      const row = await db.submission.create({
        data: { ...(id === undefined ? {} : { id }), projectId, number: nextSubmission - 1, experimentId, options },
        include,
      })
      return submissionOf(row)
    },
    get: async (project, number) => {
      const row = await db.submission.findFirst({ where: { project: { slug: project }, number }, include })
      return row && submissionOf(row)
    },
    find: async (id) => {
      const row = await db.submission.findUnique({
        where: { id },
        include: { ...include, experiment: { include: { datasetVersion: true } } },
      })
      if (row === null) return null
      const { experiment } = row
      return {
        submission: submissionOf(row),
        experimentId: row.experimentId,
        projectId: row.projectId,
        dataset: datasetRecordOf(experiment.datasetVersion),
        metric: (experiment.spec as unknown as ExperimentSpec).metric,
        labels: (experiment.spec as unknown as ExperimentSpec).labels,
        testPredictions: experiment.testPredictions as unknown as Blob,
      }
    },
    list: async (of, { cursor, limit }) => {
      const [before] = decodeCursor('number', cursor, ['number']) ?? []
      const rows = await db.submission.findMany({
        where: { ...of, ...(before === undefined ? {} : { number: { lt: before as number } }) },
        include,
        orderBy: { number: 'desc' },
        take: limit + 1,
      })
      return pageOf(rows, limit, { order: 'number', keyOf: ({ number }) => [number], itemOf: submissionOf })
    },
    setReady: async (id, { file, rows, thresholds }) =>
      void (await db.$executeRaw`
        UPDATE submission SET status = 'ready', ready_at = now(), file_digest = ${file.digest}, file_size = ${file.sizeBytes},
          rows = ${rows}, thresholds = ${thresholds}::jsonb
        WHERE id = ${id}::uuid AND status = 'queued'`),
    setFailed: async (id, failure) =>
      void (await db.$executeRaw`
        UPDATE submission SET status = 'failed', failure = ${failure}::jsonb WHERE id = ${id}::uuid AND status = 'queued'`),
    score: async (id, { lbPublic, lbPrivate }) =>
      void (await db.$executeRaw`
        UPDATE submission SET lb_public = ${lbPublic}, lb_private = ${lbPrivate}, scored_at = now() WHERE id = ${id}::uuid`),
    best: async (experimentId) => {
      const row = await db.submission.findFirst({
        where: { experimentId, lbPublic: { not: null } },
        orderBy: [{ lbPublic: 'desc' }, { number: 'asc' }],
      })
      return row && { lbPublic: row.lbPublic!, lbPrivate: row.lbPrivate }
    },
    files: async (experimentId) => {
      const rows = await db.submission.findMany({
        where: { experimentId, fileDigest: { not: null } },
        select: { number: true, fileDigest: true, fileSize: true },
        orderBy: { number: 'asc' },
      })
      return rows.map(({ number, fileDigest, fileSize }) => ({
        number,
        file: { digest: fileDigest!, sizeBytes: Number(fileSize) },
      }))
    },
    unmade: async (olderThanSeconds, limit) => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT id FROM submission
        WHERE status = 'queued' AND created_at < now() - make_interval(secs => ${olderThanSeconds})
        ORDER BY created_at LIMIT ${limit}`
      return rows.map((row) => row.id)
    },
  }
}

function submissionOf(row: Prisma.SubmissionGetPayload<{ include: typeof include }>): Submission {
  return {
    id: row.id,
    project: row.project.slug,
    number: row.number,
    version: row.experiment.version,
    status: row.status as SubmissionStatus,
    options: row.options as unknown as SubmissionOptions,
    thresholds: row.thresholds as Record<string, number> | null,
    file: row.fileDigest === null ? null : { digest: row.fileDigest, sizeBytes: Number(row.fileSize) },
    rows: row.rows,
    failure: row.failure as Pick<Failure, 'code' | 'detail'> | null,
    lbPublic: row.lbPublic,
    lbPrivate: row.lbPrivate,
    createdAt: row.createdAt.toISOString(),
    readyAt: row.readyAt?.toISOString() ?? null,
    scoredAt: row.scoredAt?.toISOString() ?? null,
  }
}
