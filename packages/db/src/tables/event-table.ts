import type { Event, EventPayload } from '@baton/contracts'
import type { EventScope, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'

const eventInclude = { experiment: { include: { project: true } } } satisfies Prisma.EventInclude

/** Name of the lock that one process holds while it gives places: any number that nobody else uses. */
const settleLock = 7_204_318_551n

export function eventTable(db: Connection, run: RunPrepared): Tables['events'] {
  return {
    append: async (experimentId, payload) => {
      // Ids are given when a row is written, not when it is committed: one writer at a time keeps readers from
      // meeting a later event first and passing over the earlier one.
      const [row] = await run<{ id: string }>(
        'append-event',
        Prisma.sql`
        WITH held AS (SELECT id FROM experiment WHERE id = ${experimentId}::uuid FOR NO KEY UPDATE)
        INSERT INTO event (experiment_id, kind, payload) SELECT id, ${payload.kind}, ${payload}::jsonb FROM held
        RETURNING id`,
      )
      return Number(row!.id)
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
    isUnsettled: async () => (await db.event.findFirst({ where: { place: null }, select: { id: true } })) !== null,
    settle: async () => {
      // Held until the transaction has committed, so the statement after it sees every place given before.
      const [lock] = await db.$queryRaw<[{ held: boolean }]>`SELECT pg_try_advisory_xact_lock(${settleLock}) AS held`
      if (lock.held)
        await db.$executeRaw`
          UPDATE event SET place = given.place
          FROM (
            SELECT id, (SELECT coalesce(max(place), 0) FROM event) + row_number() OVER (ORDER BY id) AS place
            FROM event WHERE place IS NULL ORDER BY id LIMIT 10000
          ) given
          WHERE event.id = given.id`
    },
    head: async () => {
      const { _max } = await db.event.aggregate({ _max: { place: true } })
      return Number(_max.place ?? 0)
    },
    feed: async ({ after, limit, scope }) =>
      (
        await db.event.findMany({
          where: { place: { gt: after }, ...whereScope(scope) },
          include: eventInclude,
          orderBy: { place: 'asc' },
          take: limit,
        })
      ).map((row) => ({ place: Number(row.place), data: eventOf(row) })),
  }
}

function whereScope(scope: EventScope | null): Prisma.EventWhereInput {
  if (scope === null) return {}
  return 'project' in scope
    ? { experiment: { project: { slug: scope.project } } }
    : { experimentId: scope.experimentId }
}

function eventOf(row: Prisma.EventGetPayload<{ include: typeof eventInclude }>): Event {
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
