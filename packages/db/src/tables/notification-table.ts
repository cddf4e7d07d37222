import type { DueNotification, QuietState, Tables } from '@baton/core'
import type { EventPayload } from '@baton/contracts'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'

interface NotificationRow {
  id: string
  chatId: bigint
  isUrgent: boolean
  wasHeld: boolean
  isMuted: boolean
  eventId: bigint
  at: Date
  project: string
  experimentId: string
  version: number
  experiment: string
  payload: unknown
}

const unsent = Prisma.sql`n.sent_at IS NULL AND n.dropped_at IS NULL`
const due = Prisma.sql`(n.held_until IS NULL OR n.held_until <= now())`

export function notificationTable(db: Connection): Tables['notifications'] {
  // Those that are wanted are found by the index alone, in its order, however many wait behind them.
  const read = async (chat: string, where: Prisma.Sql, limit: number) =>
    (
      await db.$queryRaw<NotificationRow[]>`
        SELECT n.id, c.chat_id AS "chatId", n.is_urgent AS "isUrgent", n.held_until IS NOT NULL AS "wasHeld",
          coalesce(greatest(c.muted_until, m.muted_until) > now(), false) AS "isMuted",
          v.id AS "eventId", v.at, p.slug AS project, e.id AS "experimentId", e.version, e.name AS experiment, v.payload
        FROM (
          SELECT * FROM notification n WHERE n.chat_id = ${chat}::uuid AND ${unsent} AND ${where}
          ORDER BY n.sent_at, n.is_urgent DESC, n.event_id LIMIT ${limit}) n
          JOIN telegram_chat c ON c.id = n.chat_id JOIN event v ON v.id = n.event_id
          JOIN experiment e ON e.id = v.experiment_id JOIN project p ON p.id = e.project_id
          LEFT JOIN telegram_mute m ON m.chat_id = c.id AND m.experiment_id = e.id
        WHERE c.unpaired_at IS NULL ORDER BY n.is_urgent DESC, n.event_id`
    ).map(notificationOf)
  return {
    addForEvent: async (eventId, { isUrgent }) => {
      const chats = await db.telegramChat.findMany({ where: { unpairedAt: null }, select: { id: true } })
      const rows = chats.map(({ id }) => ({ eventId, chatId: id, isUrgent }))
      if (rows.length > 0) await db.notification.createMany({ data: rows, skipDuplicates: true })
      return chats.map((chat) => chat.id)
    },
    due: (chat, limit) => read(chat, due, limit),
    quietState: async (chat) => {
      const [state] = await db.$queryRaw<[QuietState]>`
        SELECT
          (SELECT count(*)::int FROM notification WHERE chat_id = c.id AND sent_at > now() - interval '1 hour'
            AND NOT is_urgent AND held_until IS NULL) AS "singlesLastHour",
          (SELECT extract(epoch FROM min(held_until) - now())::float8 FROM notification
            WHERE chat_id = c.id AND sent_at IS NULL AND dropped_at IS NULL AND held_until > now()) AS "heldSeconds",
          extract(epoch FROM today + make_interval(hours => digest_hour)
            + CASE WHEN today + make_interval(hours => digest_hour) > time THEN interval '0' ELSE interval '1 day' END
            - time)::float8 AS "digestHourSeconds"
        FROM telegram_chat c, LATERAL (SELECT now() AT TIME ZONE 'UTC' AS time, date_trunc('day', now() AT TIME ZONE 'UTC') AS today) clock
        WHERE c.id = ${chat}::uuid`
      return state
    },
    hold: async (chat, seconds) => {
      await db.$executeRaw`
        UPDATE notification SET held_until = now() + make_interval(secs => ${seconds})
        WHERE chat_id = ${chat}::uuid AND sent_at IS NULL AND dropped_at IS NULL AND NOT is_urgent AND held_until IS NULL`
    },
    held: (chat, limit) => read(chat, Prisma.sql`NOT n.is_urgent AND n.held_until IS NOT NULL`, limit),
    chatsWaiting: async () => {
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT c.id FROM telegram_chat c WHERE c.unpaired_at IS NULL
          AND EXISTS (SELECT 1 FROM notification n WHERE n.chat_id = c.id AND ${unsent} AND ${due})`
      return rows.map(({ id }) => id)
    },
    markSent: async (ids) =>
      void (await db.$executeRaw`UPDATE notification SET sent_at = now() WHERE id = ANY(${ids}::uuid[])`),
    drop: async (chat) =>
      void (await db.$executeRaw`
        UPDATE notification SET dropped_at = now() WHERE chat_id = ${chat}::uuid AND sent_at IS NULL AND dropped_at IS NULL`),
  }
}

function notificationOf(row: NotificationRow): DueNotification {
  const { id, chatId, isUrgent, wasHeld, isMuted, eventId, at, payload, ...about } = row
  const event = { id: Number(eventId), at: at.toISOString(), ...about, payload: payload as EventPayload }
  return { id, chatId: Number(chatId), event, isUrgent, wasHeld, isMuted }
}
