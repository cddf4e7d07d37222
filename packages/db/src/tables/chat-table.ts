import type { Chat, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { Prisma } from '../generated/client.ts'

const chatInclude = { project: { select: { slug: true } } } satisfies Prisma.TelegramChatInclude

export function chatTable(db: Connection): Tables['chats'] {
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
          include: chatInclude,
        }),
      ),
    unpair: async (chatId) =>
      void (await db.$executeRaw`UPDATE telegram_chat SET unpaired_at = now() WHERE chat_id = ${chatId}`),
    move: async (from, to) => {
      const source = await db.telegramChat.findFirst({ where: { chatId: from, unpairedAt: null } })
      const target = await db.telegramChat.findUnique({ where: { chatId: to } })
      if (source === null) return
      if (target === null)
        return void (await db.telegramChat.update({ where: { id: source.id }, data: { chatId: to } }))
      // Paired there already: it keeps its own settings, and is told what the other was not.
      await db.$executeRaw`
        UPDATE notification n SET chat_id = ${target.id}::uuid
        WHERE n.chat_id = ${source.id}::uuid AND n.sent_at IS NULL AND n.dropped_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM notification o WHERE o.chat_id = ${target.id}::uuid AND o.event_id = n.event_id)`
      await db.$executeRaw`UPDATE telegram_chat SET unpaired_at = NULL WHERE id = ${target.id}::uuid`
      await db.$executeRaw`UPDATE telegram_chat SET unpaired_at = now() WHERE id = ${source.id}::uuid`
    },
    list: async () =>
      (
        await db.telegramChat.findMany({
          where: { unpairedAt: null },
          orderBy: { pairedAt: 'asc' },
          include: chatInclude,
        })
      ).map(chatOf),
    find: async (chatId) => {
      const row = await db.telegramChat.findFirst({ where: { chatId, unpairedAt: null }, include: chatInclude })
      return row && chatOf(row)
    },
    configure: async (id, changes) => {
      await db.telegramChat.update({ where: { id }, data: changes })
      if (changes.digestHour === null)
        await db.$executeRaw`
          UPDATE notification SET held_until = now()
          WHERE chat_id = ${id}::uuid AND sent_at IS NULL AND held_until > now()`
    },
    mute: async (id, { experimentId, seconds }) => {
      const rows =
        experimentId === null
          ? await db.$queryRaw<{ until: Date | null }[]>`
              UPDATE telegram_chat SET muted_until = now() + make_interval(secs => ${seconds}::float8)
              WHERE id = ${id}::uuid RETURNING muted_until AS until`
          : await muteExperiment(db, id, experimentId, seconds)
      return rows[0]?.until?.toISOString() ?? null
    },
  }
}

async function muteExperiment(db: Connection, id: string, experimentId: string, seconds: number | null) {
  if (seconds !== null)
    return db.$queryRaw<{ until: Date | null }[]>`
      INSERT INTO telegram_mute (chat_id, experiment_id, muted_until)
      VALUES (${id}::uuid, ${experimentId}::uuid, now() + make_interval(secs => ${seconds}))
      ON CONFLICT (chat_id, experiment_id) DO UPDATE SET muted_until = excluded.muted_until
      RETURNING muted_until AS until`
  await db.telegramMute.deleteMany({ where: { chatId: id, experimentId } })
  return []
}

function chatOf(row: Prisma.TelegramChatGetPayload<{ include: typeof chatInclude }>): Chat {
  return {
    id: row.id,
    chatId: Number(row.chatId),
    title: row.title,
    project: row.project?.slug ?? null,
    mutedUntil: row.mutedUntil?.toISOString() ?? null,
    digestHour: row.digestHour,
  }
}
