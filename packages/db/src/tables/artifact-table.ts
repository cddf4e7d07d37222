import { AppError } from '@baton/contracts'
import type { Artifact, ArtifactKind } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Referrer, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { isUniqueViolation } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import type { ArtifactModel } from '../generated/models.ts'
import { mayRemoveObjects } from '../object-hold.ts'
import { referrersOf } from './blob-references.ts'

export function artifactTable(db: Connection): Tables['artifacts'] {
  return {
    insert: async ({ object, name, ...rest }) => {
      try {
        return artifactOf(await db.artifact.create({ data: { ...rest, ...object, name } }))
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        const detail = `the project keeps an artifact "${name}" already`
        throw new AppError('already-exists', { name }, { detail, cause: error })
      }
    },
    find: async (projectId, name, options) => {
      if (options?.lock)
        await db.$queryRaw`SELECT 1 FROM artifact WHERE project_id = ${projectId}::uuid AND name = ${name} FOR UPDATE`
      const row = await db.artifact.findUnique({ where: { projectId_name: { projectId, name } } })
      return row && artifactOf(row)
    },
    list: async (projectId, { cursor, limit }) => {
      const [after] = decodeCursor('name', cursor, ['string']) ?? []
      const rows = await db.artifact.findMany({
        where: { projectId, ...(after === undefined ? {} : { name: { gt: after as string } }) },
        orderBy: { name: 'asc' },
        take: limit + 1,
      })
      return pageOf(rows, limit, { order: 'name', keyOf: ({ name }) => [name], itemOf: artifactOf })
    },
    remove: async (id) => {
      const [{ ok }] = await db.$queryRaw<[{ ok: boolean }]>(mayRemoveObjects)
      if (!ok) throw new AppError('conflict', {}, { detail: 'a backup is being taken: try again once it has ended' })
      await db.artifact.deleteMany({ where: { id } })
    },
    referrers: async (digest) => {
      const rows = await db.$queryRaw<{ kind: Referrer }[]>(referrersOf(Prisma.sql`${digest}::text`))
      return rows.map(({ kind }) => kind)
    },
  }
}

function artifactOf({ id, name, kind, note, digest, sizeBytes, createdAt }: ArtifactModel): Artifact {
  return {
    id,
    name,
    kind: kind as ArtifactKind,
    note,
    digest,
    sizeBytes: Number(sizeBytes),
    createdAt: createdAt.toISOString(),
  }
}
