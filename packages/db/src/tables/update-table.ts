import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

export function updateTable(db: Connection): Tables['updates'] {
  return {
    isHandled: async ({ botId, updateId }) => (await db.telegramUpdate.count({ where: { botId, updateId } })) > 0,
    markHandled: async ({ botId, updateId }) => {
      await db.$executeRaw`
        INSERT INTO telegram_update (bot_id, update_id) VALUES (${botId}, ${updateId}) ON CONFLICT DO NOTHING`
    },
    forget: async (handledSeconds) => {
      await db.$executeRaw`DELETE FROM telegram_update WHERE handled_at < now() - make_interval(secs => ${handledSeconds})`
    },
  }
}
