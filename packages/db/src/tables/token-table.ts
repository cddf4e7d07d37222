import { randomUUID } from 'node:crypto'
import type { Role, Token } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Caller, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { Prisma } from '../generated/client.ts'

/** Known as this until a person names it. */
const configuredName = 'configured owner'
const order = 'tokens'

/** Not expired, used up or revoked. */
const isGood = Prisma.sql`
  t.used_at IS NULL AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`

interface TokenRow {
  id: string
  name: string
  role: string
  project: string | null
  hash: string
  isConfigured: boolean
  isGood: boolean
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
  rotatedAt: Date | null
}

const tokenRows = Prisma.sql`
  SELECT t.id, t.name, t.role, p.slug AS project, t.hash, t.is_configured AS "isConfigured", (${isGood}) AS "isGood",
    t.created_at AS "createdAt", t.expires_at AS "expiresAt", t.last_used_at AS "lastUsedAt",
    t.revoked_at AS "revokedAt", t.rotated_at AS "rotatedAt"
  FROM token t LEFT JOIN project p ON p.id = t.project_id`

export function tokenTable(db: Connection, run: RunPrepared): Tables['tokens'] {
  return {
    insert: async ({ name, hash, role, projectId, sessionId, validSeconds, issuerId }) => {
      // LEAST passes over NULL: an end that is not set is no limit.
      const [row] = await db.$queryRaw<[{ id: string; expiresAt: Date | null }]>`
        INSERT INTO token (id, name, hash, role, project_id, session_id, expires_at)
        VALUES (${randomUUID()}::uuid, ${name}, ${hash}, ${role}, ${projectId}::uuid, ${sessionId ?? null}::uuid,
          least(now() + make_interval(secs => ${validSeconds}::float8),
            (SELECT expires_at FROM token WHERE id = ${issuerId ?? null}::uuid)))
        RETURNING id, expires_at AS "expiresAt"`
      return { id: row.id, expiresAt: row.expiresAt?.toISOString() ?? null }
    },
    admitOwner: async (hash) => {
      await db.$executeRaw`
        INSERT INTO token (id, name, hash, role, is_configured)
        VALUES (${randomUUID()}::uuid, ${configuredName}, ${hash}, 'owner', true) ON CONFLICT (hash) DO NOTHING`
      const [row] = await db.$queryRaw<[{ isGood: boolean }]>`
        SELECT (${isGood}) AS "isGood" FROM token t WHERE t.hash = ${hash}`
      return row.isGood
    },
    find: async (hash) => {
      const [row] = await run<CallerRow>(
        'find-token',
        Prisma.sql`
        SELECT t.id AS "tokenId", t.name, t.role, t.session_id AS "sessionId", t.project_id AS "projectId", p.slug,
          t.hash <> ${hash} AS "isOutgoing",
          (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS "isUnseen"
        FROM token t LEFT JOIN session s ON s.id = t.session_id LEFT JOIN project p ON p.id = t.project_id
        WHERE (t.hash = ${hash} OR (t.previous_hash = ${hash} AND t.previous_until > now())) AND ${isGood}
          AND (s.id IS NULL OR s.status <> 'ended')`,
      )
      return row ? callerOf(row) : null
    },
    touch: async (tokenId) =>
      void (await db.$executeRaw`
        UPDATE token SET last_used_at = now() WHERE id = ${tokenId}::uuid
          AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`),
    use: async (tokenId) =>
      (await db.$executeRaw`
        UPDATE token t SET used_at = now(), last_used_at = now() WHERE t.id = ${tokenId}::uuid AND ${isGood}`) === 1,
    list: async (visible, { cursor, limit, ended }) => {
      const [createdAt, id] = decodeCursor(order, cursor, ['moment', 'id']) ?? [null, null]
      const rows = await db.$queryRaw<TokenRow[]>`
        ${tokenRows} WHERE t.role <> 'session' AND (${ended} OR (${isGood}))
          AND (${visible}::text IS NULL OR p.slug = ${visible})
          AND (${id}::uuid IS NULL OR (t.created_at, t.id) < (${createdAt}::timestamptz, ${id}::uuid))
        ORDER BY t.created_at DESC, t.id DESC LIMIT ${limit + 1}`
      const keyOf = (row: TokenRow) => [row.createdAt.toISOString(), row.id]
      return pageOf(rows, limit, { order, keyOf, itemOf: tokenOf })
    },
    get: async (id) => {
      const [row] = await db.$queryRaw<TokenRow[]>`${tokenRows} WHERE t.id = ${id}::uuid AND t.role <> 'session'`
      if (!row) return null
      const { hash, isConfigured, isGood } = row
      return { token: tokenOf(row), hash, isConfigured, isGood }
    },
    lockConfigured: async () => {
      const rows = await db.$queryRaw<unknown[]>`
        SELECT 1 FROM token t WHERE t.is_configured AND ${isGood} ORDER BY t.id FOR UPDATE`
      return rows.length
    },
    revoke: async (id) =>
      void (await db.$executeRaw`
        UPDATE token SET revoked_at = now() WHERE id = ${id}::uuid AND revoked_at IS NULL`),
    rotate: async (id, { from, to, overlapSeconds }) => {
      const [row] = await db.$queryRaw<{ previousUntil: Date }[]>`
        UPDATE token t SET hash = ${to}, previous_hash = ${from}, rotated_at = now(),
          previous_until = now() + make_interval(secs => ${overlapSeconds}::float8)
        WHERE t.id = ${id}::uuid AND t.hash = ${from} AND ${isGood} RETURNING previous_until AS "previousUntil"`
      return row ? { oldValidUntil: row.previousUntil.toISOString() } : null
    },
    removeEnded: (seconds) => db.$executeRaw`
      DELETE FROM token WHERE NOT is_configured
        AND least(expires_at, used_at, revoked_at) < now() - make_interval(secs => ${seconds}::float8)`,
  }
}

type CallerRow = Omit<Caller, 'role' | 'project'> & { role: string; projectId: string | null; slug: string | null }

function callerOf({ projectId, slug, role, ...row }: CallerRow): Caller {
  return { ...row, role: role as Role, project: projectId === null ? null : { id: projectId, slug: slug! } }
}

function tokenOf(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Token['role'],
    project: row.project,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    rotatedAt: row.rotatedAt?.toISOString() ?? null,
  }
}
