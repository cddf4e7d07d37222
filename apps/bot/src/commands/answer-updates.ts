import { isAppError, problems } from '@baton/contracts'
import type { Log } from '@baton/log'
import type { Telegraf } from 'telegraf'
import type { Chat } from 'telegraf/types'
import { movePairing } from '../jobs/telegram-messenger.ts'
import { plain, toHtml } from '../messages/message.ts'
import type { Message } from '../messages/message.ts'
import type { BotApi } from '../telegram/bot-api.ts'
import type { Command, CommandDeps } from './command.ts'
import { commands, helpMessage } from './index.ts'
import { pairingHint } from './start.ts'
import { forgetChat } from './unlink.ts'

type Deps = CommandDeps & { readonly api: BotApi; readonly log: Log }

/**
 * Lets the bot answer commands. A chat that is not paired gets the pairing hint, whatever it asks; in groups only
 * commands are answered. Who blocks the bot or removes it from a group is unpaired at once.
 */
export function answerUpdates(bot: Telegraf, deps: Deps): void {
  const { store, api } = deps
  const isPaired = async (chatId: number) => (await store.notifications.findChat(chatId)) !== null
  const say = (chatId: number, message: Message) => api.sendHtml(chatId, toHtml(message))

  for (const command of commands)
    bot.command(command.name, async ({ chat, payload }) => {
      const mayAsk = command.isOpen === true || (await isPaired(chat.id))
      const words = payload.split(/\s+/).filter(Boolean)
      await say(chat.id, mayAsk ? await answerOf(command, deps, { chat, words }) : pairingHint)
    })
  bot.on('migrate_to_chat_id', ({ chat, message }) => movePairing(store, chat.id, message.migrate_to_chat_id))
  bot.on('my_chat_member', async ({ chat, myChatMember }) => {
    const { status } = myChatMember.new_chat_member
    if (status === 'kicked' || status === 'left') await forgetChat(store, chat.id)
  })
  bot.on('text', async ({ chat }) => {
    if (chat.type === 'private') await say(chat.id, (await isPaired(chat.id)) ? helpMessage : pairingHint)
  })
}

/** A command's answer; where it failed, what is known of why and what to do. */
async function answerOf(
  command: Command,
  { log, ...deps }: Deps,
  { chat, words }: { chat: Chat; words: readonly string[] },
): Promise<Message> {
  try {
    return await command.answer(deps, { chatId: chat.id, chatTitle: titleOf(chat), words })
  } catch (error) {
    const expected = isAppError(error)
    if (!expected) log.error({ error, command: command.name }, 'command failed')
    const problem = problems[expected ? error.code : 'internal']
    return [plain(problem.title), ...(expected && error.detail ? [plain(error.detail)] : []), plain(problem.remedy)]
  }
}

function titleOf(chat: Chat): string {
  if (chat.type !== 'private') return chat.title
  const name = [chat.first_name, chat.last_name].filter(Boolean).join(' ')
  return chat.username === undefined ? name : `${name} (@${chat.username})`
}
