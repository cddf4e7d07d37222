import { AppError } from '@baton/contracts'
import type { Project } from '@baton/contracts'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { isUniqueViolation } from '../errors.ts'
import type { ProjectModel } from '../generated/models.ts'

export function projectTable(db: Connection): Tables['projects'] {
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
      const row = await db.project.findUnique({ where: { slug } })
      return row && projectOf(row)
    },
    list: async () => (await db.project.findMany({ orderBy: { slug: 'asc' } })).map(projectOf),
    takeVersion: async (projectId) => {
      const row = await db.project.update({ where: { id: projectId }, data: { nextVersion: { increment: 1 } } })
      return row.nextVersion - 1
    },
  }
}

function projectOf({ id, slug, name, createdAt }: ProjectModel): Project {
  return { id, slug, name, createdAt: createdAt.toISOString() }
}
