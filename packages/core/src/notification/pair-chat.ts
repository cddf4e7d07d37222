import { randomBytes } from 'node:crypto'
import type { Pairing } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Chat, Store } from '../store.ts'

/** Long enough to take up the phone, short enough that a code left on a screen is worth nothing. */
const validSeconds = 600

/**
 * A one-use code for `/start`. 128 random bits in 22 characters of the set that Telegram's deep links allow.
 * @param botName The bot's user name, for a link that sends the code; null where it is not known.
 */
export async function createPairing(
  { store }: { store: Store },
  { botName }: { botName: string | null },
): Promise<Pairing> {
  const code = randomBytes(16).toString('base64url')
  const pairing = { codeHash: sha256(code), validSeconds }
  const { expiresAt } = await store.transaction(({ chats }) => chats.addPairing(pairing))
  return { code, link: botName === null ? null : `https://t.me/${botName}?start=${code}`, expiresAt }
}

/** Pairs a chat that showed a valid code; null if the code is unknown, used or expired. */
export async function pairChat(
  { store }: { store: Store },
  input: { code: string; chatId: number; title: string },
): Promise<Chat | null> {
  return store.transaction(async (tables) => {
    if (!(await tables.chats.usePairing(sha256(input.code)))) return null
    return tables.chats.pair({ chatId: input.chatId, title: input.title })
  })
}
