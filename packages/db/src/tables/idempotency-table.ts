import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'

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

export function idempotencyTable(run: RunPrepared): IdempotencyTable {
  return {
    begin: async (tokenId, key, fingerprint) => {
      const claimed = await run(
        'claim-key',
        Prisma.sql`
        INSERT INTO idempotency_key (token_id, key, fingerprint) VALUES (${tokenId}::uuid, ${key}, ${fingerprint})
        ON CONFLICT (token_id, key) DO UPDATE SET created_at = now()
          WHERE idempotency_key.status IS NULL AND idempotency_key.fingerprint = excluded.fingerprint
            AND idempotency_key.created_at < now() - make_interval(secs => ${abandonedSeconds})
        RETURNING 1 AS claimed`,
      )
      if (claimed.length === 1) return null
      const [row] = await run<{ fingerprint: string; status: number | null; body: unknown }>(
        'find-key',
        Prisma.sql`
        SELECT fingerprint, status, body FROM idempotency_key WHERE token_id = ${tokenId}::uuid AND key = ${key}`,
      )
      // Let go in this very moment: whoever asks again will have it.
      if (!row) return { fingerprint, answer: null }
      return {
        fingerprint: row.fingerprint,
        answer: row.status === null ? null : { status: row.status, body: row.body },
      }
    },
    finish: async (tokenId, key, { status, body }) =>
      void (await run(
        'finish-key',
        Prisma.sql`
        UPDATE idempotency_key SET status = ${status}, body = ${JSON.stringify(body ?? {})}::jsonb
        WHERE token_id = ${tokenId}::uuid AND key = ${key}`,
      )),
    release: async (tokenId, key) =>
      void (await run(
        'release-key',
        Prisma.sql`DELETE FROM idempotency_key WHERE token_id = ${tokenId}::uuid AND key = ${key}`,
      )),
    expire: async (seconds) => {
      const expired = await run(
        'expire-keys',
        Prisma.sql`
        DELETE FROM idempotency_key WHERE created_at < now() - make_interval(secs => ${seconds}) RETURNING 1 AS expired`,
      )
      return expired.length
    },
  }
}
