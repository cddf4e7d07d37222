import type { OutboxJob, Tables } from '@baton/core'
import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { offeredNow } from './offered-now.ts'

export function outboxTable(run: RunPrepared): Tables['outbox'] {
  return {
    append: async (jobs) =>
      void (await run(
        'append-outbox',
        Prisma.sql`
        INSERT INTO outbox (kind, payload)
        SELECT kind, payload FROM jsonb_to_recordset(${JSON.stringify(jobs)}::jsonb) AS job(kind text, payload jsonb)`,
      )),
    peek: async (limit) => {
      const rows = await run<{ id: string; kind: string; payload: unknown }>(
        'peek-outbox',
        Prisma.sql`SELECT id, kind, payload FROM outbox ORDER BY id LIMIT ${limit}`,
      )
      return rows.map((row) => ({ ...row, id: Number(row.id) }) as OutboxJob & { id: number })
    },
    remove: async (jobs) => {
      const offered = jobs.flatMap((job) => (job.kind === 'offer-fold' ? [job.payload.foldId] : []))
      await run(
        'remove-outbox',
        Prisma.sql`
        WITH offered AS (${offeredNow(offered)}) DELETE FROM outbox WHERE id = ANY(${jobs.map(({ id }) => id)}::bigint[])`,
      )
    },
  }
}
