import type { CodeBundle } from '@baton/contracts'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { CodeBundleModel } from '../generated/models.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { newestFirst } from './newest-first.ts'
import { usedBy } from './used-by.ts'

export function bundleTable(db: Connection, run: RunPrepared): Tables['bundles'] {
  return {
    upsert: async ({ projectId, digest, sizeBytes, files }) => {
      // Whoever is second waits for the first and inserts nothing; Prisma's own upsert may fail them.
      await db.codeBundle.createMany({ data: { projectId, digest, sizeBytes, files }, skipDuplicates: true })
      return bundleOf(await db.codeBundle.findUniqueOrThrow({ where: { projectId_digest: { projectId, digest } } }))
    },
    find: async (projectId, digest) => {
      const [row] = await run<{ id: string; digest: string; sizeBytes: number }>(
        'find-bundle',
        Prisma.sql`
        SELECT id, digest, size_bytes AS "sizeBytes" FROM code_bundle
        WHERE project_id = ${projectId}::uuid AND digest = ${digest}`,
      )
      return row ?? null
    },
    get: async (projectId, digest) => {
      const row = await db.codeBundle.findUnique({ where: { projectId_digest: { projectId, digest } } })
      return row && { ...bundleOf(row), usedBy: await usedBy(db, { codeBundleId: row.id }) }
    },
    list: (projectId, page) =>
      newestFirst(page, bundleOf, ({ where, ...part }) =>
        db.codeBundle.findMany({ where: { projectId, ...where }, ...part }),
      ),
  }
}

function bundleOf({ digest, sizeBytes, files, createdAt }: CodeBundleModel): CodeBundle {
  return { digest, sizeBytes, files, createdAt: createdAt.toISOString() }
}
