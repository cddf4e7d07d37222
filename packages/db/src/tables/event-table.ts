import type { Event, EventPayload } from '@baton/contracts'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'

export const eventInclude = { experiment: { include: { project: true } } } satisfies Prisma.EventInclude

export function eventTable(db: Connection): Tables['events'] {
  return {
    append: async (experimentId, payload) => {
      // Ids are given when a row is written, not when it is committed: one writer at a time keeps readers from
      // meeting a later event first and passing over the earlier one.
      await db.$queryRaw`SELECT 1 FROM experiment WHERE id = ${experimentId}::uuid FOR NO KEY UPDATE`
      const { id } = await db.event.create({
        data: { experimentId, kind: payload.kind, payload },
        select: { id: true },
      })
      return Number(id)
    },
    get: async (id) => {
      const row = await db.event.findUnique({ where: { id }, include: eventInclude })
      return row && eventOf(row)
    },
    listByExperiment: async (experimentId, { after, limit }) =>
      (
        await db.event.findMany({
          where: { experimentId, id: { gt: after } },
          include: eventInclude,
          orderBy: { id: 'asc' },
          take: limit,
        })
      ).map(eventOf),
  }
}

export function eventOf(row: Prisma.EventGetPayload<{ include: typeof eventInclude }>): Event {
  return {
    id: Number(row.id),
    at: row.at.toISOString(),
    project: row.experiment.project.slug,
    experimentId: row.experimentId,
    version: row.experiment.version,
    experiment: row.experiment.name,
    payload: row.payload as EventPayload,
  }
}
