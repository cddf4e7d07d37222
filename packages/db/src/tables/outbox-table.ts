import type { OutboxJob, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

export function outboxTable(db: Connection): Tables['outbox'] {
  return {
    append: async (jobs) =>
      void (await db.outbox.createMany({ data: jobs.map(({ kind, payload }) => ({ kind, payload })) })),
    peek: async (limit) =>
      (await db.outbox.findMany({ orderBy: { id: 'asc' }, take: limit })).map(
        ({ id, kind, payload }) => ({ id: Number(id), kind, payload }) as OutboxJob & { id: number },
      ),
    remove: async (ids) => void (await db.outbox.deleteMany({ where: { id: { in: [...ids] } } })),
  }
}
