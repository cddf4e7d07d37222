import { randomBytes } from 'node:crypto'
import type { ButtonAction, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

export function buttonTable(db: Connection): Tables['buttons'] {
  return {
    offer: async ({ chat, experimentId, action, validSeconds }) => {
      const [present] = await db.$queryRaw<{ id: string }[]>`
        SELECT id FROM telegram_button
        WHERE chat_id = ${chat}::uuid AND experiment_id = ${experimentId}::uuid AND action = ${action}
          AND expires_at > now() + make_interval(secs => ${validSeconds / 2})
        ORDER BY expires_at DESC LIMIT 1`
      if (present) return present.id
      const id = randomBytes(12).toString('base64url')
      await db.$executeRaw`
        INSERT INTO telegram_button (id, chat_id, experiment_id, action, expires_at)
        VALUES (${id}, ${chat}::uuid, ${experimentId}::uuid, ${action}, now() + make_interval(secs => ${validSeconds}))`
      return id
    },
    find: async (id) => {
      const [row] = await db.$queryRaw<
        {
          chatId: bigint
          action: ButtonAction
          experimentId: string
          project: string
          version: number
          isExpired: boolean
        }[]
      >`
        SELECT c.chat_id AS "chatId", b.action, e.id AS "experimentId", p.slug AS project, e.version,
          b.expires_at <= now() AS "isExpired"
        FROM telegram_button b JOIN telegram_chat c ON c.id = b.chat_id JOIN experiment e ON e.id = b.experiment_id
          JOIN project p ON p.id = e.project_id
        WHERE b.id = ${id}`
      return row ? { ...row, chatId: Number(row.chatId) } : null
    },
    forget: async (expiredSeconds) => {
      await db.$executeRaw`DELETE FROM telegram_button WHERE expires_at < now() - make_interval(secs => ${expiredSeconds})`
    },
  }
}
