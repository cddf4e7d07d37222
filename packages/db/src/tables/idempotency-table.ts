import type { Connection } from '../connection.ts'
import { isUniqueViolation } from '../errors.ts'

/** What was answered under an Idempotency-Key; `answer` is null while the first request is still being answered. */
export interface IdempotencyRecord {
  readonly fingerprint: string
  readonly answer: { status: number; body: unknown } | null
}

export interface IdempotencyTable {
  /** Claims a key for a request; the record that stands there if somebody was faster. */
  begin(tokenId: string, key: string, fingerprint: string): Promise<IdempotencyRecord | null>
  finish(tokenId: string, key: string, answer: { status: number; body: unknown }): Promise<void>
  /** Lets a key go whose request failed before it changed anything. */
  release(tokenId: string, key: string): Promise<void>
  /** Forgets keys older than so long. */
  expire(seconds: number): Promise<number>
}

/** A claim this old belongs to a process that died before it answered. */
const abandonedSeconds = 60

export function idempotencyTable(db: Connection): IdempotencyTable {
  const where = (tokenId: string, key: string) => ({ tokenId_key: { tokenId, key } })
  return {
    begin: async (tokenId, key, fingerprint) => {
      await db.$executeRaw`
        DELETE FROM idempotency_key WHERE token_id = ${tokenId}::uuid AND key = ${key} AND status IS NULL
          AND created_at < now() - make_interval(secs => ${abandonedSeconds})`
      try {
        await db.idempotencyKey.create({ data: { tokenId, key, fingerprint } })
        return null
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        const row = await db.idempotencyKey.findUniqueOrThrow({ where: where(tokenId, key) })
        return {
          fingerprint: row.fingerprint,
          answer: row.status === null ? null : { status: row.status, body: row.body },
        }
      }
    },
    finish: async (tokenId, key, { status, body }) =>
      void (await db.idempotencyKey.update({ where: where(tokenId, key), data: { status, body: body ?? {} } })),
    release: async (tokenId, key) => void (await db.idempotencyKey.deleteMany({ where: { tokenId, key } })),
    expire: (seconds) =>
      db.$executeRaw`DELETE FROM idempotency_key WHERE created_at < now() - make_interval(secs => ${seconds})`,
  }
}
