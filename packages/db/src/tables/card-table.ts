import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

interface CardRow {
  chat: string
  chatId: bigint
  experimentId: string
  project: string
  version: number
  messageId: bigint | null
  shown: string | null
}

interface FactsRow {
  cvSoFar: number | null
  interruptions: number
  sessions: { id: string; name: string }[]
  bestVersion: number | null
  bestCv: number | null
}

export function cardTable(db: Connection): Tables['cards'] {
  return {
    open: async () => {
      // The terminal, chat 0, has no messages that could be edited.
      await db.$executeRaw`
        INSERT INTO telegram_card (chat_id, experiment_id)
        SELECT c.id, e.id FROM telegram_chat c CROSS JOIN experiment e
        WHERE c.unpaired_at IS NULL AND c.chat_id <> 0 AND e.status IN ('running', 'assembling') AND NOT EXISTS (
          SELECT 1 FROM telegram_card k WHERE k.chat_id = c.id AND k.experiment_id = e.id AND k.closed_at IS NULL)
        ON CONFLICT (chat_id, experiment_id) DO UPDATE SET closed_at = NULL, due_at = now()`
    },
    take: async ({ limit, againSeconds }) => {
      const rows = await db.$queryRaw<CardRow[]>`
        WITH taken AS (
          UPDATE telegram_card k SET due_at = now() + make_interval(secs => ${againSeconds})
          FROM (
            SELECT k.chat_id, k.experiment_id FROM telegram_card k JOIN telegram_chat c ON c.id = k.chat_id
            WHERE k.closed_at IS NULL AND k.due_at <= now() AND c.unpaired_at IS NULL
            ORDER BY k.due_at LIMIT ${limit} FOR UPDATE OF k SKIP LOCKED) due
          WHERE k.chat_id = due.chat_id AND k.experiment_id = due.experiment_id
          RETURNING k.*)
        SELECT t.chat_id AS chat, c.chat_id AS "chatId", e.id AS "experimentId", p.slug AS project, e.version,
          t.message_id AS "messageId", t.shown
        FROM taken t JOIN telegram_chat c ON c.id = t.chat_id JOIN experiment e ON e.id = t.experiment_id
          JOIN project p ON p.id = e.project_id`
      return rows.map(({ chatId, messageId, ...row }) => ({
        ...row,
        chatId: Number(chatId),
        messageId: messageId === null ? null : Number(messageId),
      }))
    },
    facts: async (experimentId) => {
      const [row] = await db.$queryRaw<[FactsRow]>`
        SELECT
          (SELECT (payload->>'cvSoFar')::float8 FROM event
            WHERE experiment_id = e.id AND kind = 'fold-completed' ORDER BY id DESC LIMIT 1) AS "cvSoFar",
          t.interruptions,
          (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('id', s.id, 'name', s.name)), '[]') FROM fold f
            JOIN session s ON s.id = f.session_id WHERE f.experiment_id = e.id AND f.status = 'leased') AS sessions,
          best.version AS "bestVersion", best.cv AS "bestCv"
        FROM experiment e JOIN tally t ON t.experiment_id = e.id LEFT JOIN LATERAL (
          SELECT version, cv FROM experiment b
          WHERE b.project_id = e.project_id AND b.cv IS NOT NULL ORDER BY cv DESC, version LIMIT 1) best ON true
        WHERE e.id = ${experimentId}::uuid`
      const { bestVersion, bestCv, ...facts } = row
      return { ...facts, best: bestVersion === null ? null : { version: bestVersion, cv: bestCv! } }
    },
    save: async ({ chat, experimentId }, { messageId, shown, isClosed }) => {
      await db.$executeRaw`
        UPDATE telegram_card
        SET message_id = ${messageId}, shown = ${shown}, closed_at = CASE WHEN ${isClosed} THEN now() END
        WHERE chat_id = ${chat}::uuid AND experiment_id = ${experimentId}::uuid`
    },
    postpone: async ({ chat, experimentId }, seconds) => {
      await db.$executeRaw`
        UPDATE telegram_card SET due_at = now() + make_interval(secs => ${seconds})
        WHERE chat_id = ${chat}::uuid AND experiment_id = ${experimentId}::uuid`
    },
  }
}
