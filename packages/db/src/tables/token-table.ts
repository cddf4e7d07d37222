import { randomUUID } from 'node:crypto'
import type { Role } from '@baton/contracts'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

export function tokenTable(db: Connection): Tables['tokens'] {
  return {
    insert: async ({ hash, role, sessionId, validSeconds }) => {
      const [row] = await db.$queryRaw<[{ id: string; expiresAt: Date | null }]>`
        INSERT INTO token (id, hash, role, session_id, expires_at)
        VALUES (${randomUUID()}::uuid, ${hash}, ${role}, ${sessionId ?? null}::uuid, now() + make_interval(secs => ${validSeconds}::float8))
        RETURNING id, expires_at AS "expiresAt"`
      return { id: row.id, expiresAt: row.expiresAt?.toISOString() ?? null }
    },
    admitOwner: async (hash) => {
      await db.$executeRaw`
        INSERT INTO token (id, hash, role) VALUES (${randomUUID()}::uuid, ${hash}, 'owner')
        ON CONFLICT (hash) DO NOTHING`
    },
    find: async (hash) => {
      const [row] = await db.$queryRaw<{ tokenId: string; role: Role; sessionId: string | null }[]>`
        SELECT t.id AS "tokenId", t.role, t.session_id AS "sessionId" FROM token t LEFT JOIN session s ON s.id = t.session_id
        WHERE t.hash = ${hash} AND t.used_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
          AND (s.id IS NULL OR s.status <> 'ended')`
      return row ?? null
    },
    use: async (tokenId) =>
      (await db.$executeRaw`UPDATE token SET used_at = now() WHERE id = ${tokenId}::uuid AND used_at IS NULL`) === 1,
  }
}
