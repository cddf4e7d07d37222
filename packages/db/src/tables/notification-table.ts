import type { Chat, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { TelegramChatModel } from '../generated/models.ts'
import { eventInclude, eventOf } from './event-table.ts'

export function notificationTable(db: Connection): Tables['notifications'] {
  return {
    addPairing: async ({ codeHash, validSeconds }) => {
      const [row] = await db.$queryRaw<[{ expiresAt: Date }]>`
        INSERT INTO telegram_pairing (code_hash, expires_at) VALUES (${codeHash}, now() + make_interval(secs => ${validSeconds}))
        RETURNING expires_at AS "expiresAt"`
      return { expiresAt: row.expiresAt.toISOString() }
    },
    usePairing: async (codeHash) =>
      (await db.$executeRaw`
        UPDATE telegram_pairing SET used_at = now()
        WHERE code_hash = ${codeHash} AND used_at IS NULL AND expires_at > now()`) === 1,
    pair: async ({ chatId, title }) =>
      chatOf(
        await db.telegramChat.upsert({
          where: { chatId },
          create: { chatId, title },
          update: { title, unpairedAt: null },
        }),
      ),
    unpair: async (chatId) =>
      void (await db.$executeRaw`UPDATE telegram_chat SET unpaired_at = now() WHERE chat_id = ${chatId}`),
    chats: async () =>
      (await db.telegramChat.findMany({ where: { unpairedAt: null }, orderBy: { pairedAt: 'asc' } })).map(chatOf),
    findChat: async (chatId) => {
      const row = await db.telegramChat.findFirst({ where: { chatId, unpairedAt: null } })
      return row && chatOf(row)
    },
    addForEvent: async (eventId) => {
      const chats = await db.telegramChat.findMany({ where: { unpairedAt: null }, select: { id: true } })
      const rows = chats.map(({ id }) => ({ eventId, chatId: id }))
      if (rows.length > 0) await db.notification.createMany({ data: rows, skipDuplicates: true })
      return chats.map((chat) => chat.id)
    },
    pending: async (chat, limit) =>
      (
        await db.notification.findMany({
          where: { chatId: chat, sentAt: null, droppedAt: null, chat: { unpairedAt: null } },
          include: { chat: true, event: { include: eventInclude } },
          orderBy: { eventId: 'asc' },
          take: limit,
        })
      ).map((row) => ({ id: row.id, chatId: Number(row.chat.chatId), event: eventOf(row.event) })),
    chatsWaiting: async () => {
      const rows = await db.notification.findMany({
        where: { sentAt: null, droppedAt: null, chat: { unpairedAt: null } },
        select: { chatId: true },
        distinct: ['chatId'],
      })
      return rows.map((row) => row.chatId)
    },
    markSent: async (id) => void (await db.$executeRaw`UPDATE notification SET sent_at = now() WHERE id = ${id}::uuid`),
    drop: async (chat) =>
      void (await db.$executeRaw`
        UPDATE notification SET dropped_at = now() WHERE chat_id = ${chat}::uuid AND sent_at IS NULL AND dropped_at IS NULL`),
  }
}

function chatOf({ id, chatId, title }: TelegramChatModel): Chat {
  return { id, chatId: Number(chatId), title }
}
