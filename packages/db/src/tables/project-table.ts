import { AppError } from '@baton/contracts'
import type { IdScope, Project } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { isUniqueViolation } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import type { ProjectModel } from '../generated/models.ts'

export function projectTable(db: Connection, run: RunPrepared): Tables['projects'] {
  return {
    insert: async ({ slug, name }) => {
      try {
        return projectOf(await db.project.create({ data: { slug, name } }))
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        throw new AppError('already-exists', { slug }, { detail: `there is a project "${slug}" already`, cause: error })
      }
    },
    find: async (slug) => {
      const [row] = await run<ProjectRow>(
        'find-project',
        Prisma.sql`SELECT id, slug, name, created_at AS "createdAt" FROM project WHERE slug = ${slug}`,
      )
      return row ? projectOf(row) : null
    },
    of: async (kind, id) => {
      const [row] = await db.$queryRaw<{ slug: string | null }[]>(projectQueries[kind](id))
      return row ?? null
    },
    list: async (visible, { cursor, limit }) => {
      const after = decodeCursor('slug', cursor, ['string'])
      const slug = { ...(after ? { gt: after[0] as string } : {}), ...(visible === null ? {} : { equals: visible }) }
      const rows = await db.project.findMany({ where: { slug }, orderBy: { slug: 'asc' }, take: limit + 1 })
      return pageOf(rows, limit, { order: 'slug', keyOf: (row) => [row.slug], itemOf: projectOf })
    },
    lock: async (slug) => {
      await db.$queryRaw`SELECT 1 FROM project WHERE slug = ${slug} FOR UPDATE`
      const row = await db.project.findUnique({ where: { slug } })
      return row && projectOf(row)
    },
    rename: async (id, name) => projectOf(await db.project.update({ where: { id }, data: { name } })),
  }
}

/** Where each kind of thing says which project it is of. */
const projectQueries: Record<IdScope, (id: string) => Prisma.Sql> = {
  fold: (id) => Prisma.sql`
    SELECT p.slug FROM fold f JOIN experiment e ON e.id = f.experiment_id JOIN project p ON p.id = e.project_id
    WHERE f.id = ${id}::uuid`,
  session: (id) => Prisma.sql`
    SELECT p.slug FROM session s LEFT JOIN project p ON p.id = s.project_id WHERE s.id = ${id}::uuid`,
  token: (id) => Prisma.sql`
    SELECT p.slug FROM token t LEFT JOIN project p ON p.id = t.project_id
    WHERE t.id = ${id}::uuid AND t.role <> 'session'`,
}

type ProjectRow = Pick<ProjectModel, 'id' | 'slug' | 'name' | 'createdAt'>

function projectOf({ id, slug, name, createdAt }: ProjectRow): Project {
  return { id, slug, name, createdAt: createdAt.toISOString() }
}
