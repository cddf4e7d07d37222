import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { unnamedAmong } from './blob-references.ts'

/** The key under which whoever names objects and whoever removes them keep out of each other's way. */
const namingKey = 72_707_371

export function objectTable(db: Connection): Tables['objects'] {
  return {
    keep: async () => {
      await db.$queryRaw`SELECT 1 FROM pg_advisory_xact_lock_shared(${namingKey})`
    },
    unnamed: async (digests) => {
      // A statement of its own, so that the next one sees what was named until the lock was had.
      await db.$queryRaw`SELECT 1 FROM pg_advisory_xact_lock(${namingKey})`
      const rows = await db.$queryRaw<{ digest: string }[]>(unnamedAmong(digests))
      return rows.map(({ digest }) => digest)
    },
  }
}
