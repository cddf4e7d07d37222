import type { Connection } from '../connection.ts'

/** What was answered under an Idempotency-Key; `answer` is null while the first request is still being answered. */
export interface IdempotencyRecord {
  readonly fingerprint: string
  readonly answer: { status: number; body: unknown } | null
}

export interface IdempotencyTable {
  /**
   * Claims a key for a request, also one that the same request claimed and left unanswered when its process died; the
   * record that stands there if somebody was faster.
   */
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
      const claimed = await db.$executeRaw`
        INSERT INTO idempotency_key (token_id, key, fingerprint) VALUES (${tokenId}::uuid, ${key}, ${fingerprint})
        ON CONFLICT (token_id, key) DO UPDATE SET created_at = now()
          WHERE idempotency_key.status IS NULL AND idempotency_key.fingerprint = excluded.fingerprint
            AND idempotency_key.created_at < now() - make_interval(secs => ${abandonedSeconds})`
      if (claimed === 1) return null
      const row = await db.idempotencyKey.findUnique({ where: where(tokenId, key) })
      // Let go in this very moment: whoever asks again will have it.
      if (row === null) return { fingerprint, answer: null }
      return {
        fingerprint: row.fingerprint,
        answer: row.status === null ? null : { status: row.status, body: row.body },
      }
    },
    finish: async (tokenId, key, { status, body }) =>
      void (await db.idempotencyKey.updateMany({ where: { tokenId, key }, data: { status, body: body ?? {} } })),
    release: async (tokenId, key) => void (await db.idempotencyKey.deleteMany({ where: { tokenId, key } })),
    expire: (seconds) =>
      db.$executeRaw`DELETE FROM idempotency_key WHERE created_at < now() - make_interval(secs => ${seconds})`,
  }
}
