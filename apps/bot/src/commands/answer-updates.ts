import { isAppError, problems } from '@baton/contracts'
import { forgetChat } from '@baton/core'
import type { Chat as PairedChat } from '@baton/core'
import type { Log } from '@baton/log'
import type { Telegraf } from 'telegraf'
import type { Chat } from 'telegraf/types'
import { pressButton } from '../buttons/press-button.ts'
import { plain, toHtml } from '../messages/message.ts'
import type { BotApi } from '../telegram/bot-api.ts'
import type { Throttle } from '../telegram/throttle.ts'
import type { Answer, Asked, Command, CommandDeps } from './command.ts'
import { commands, helpMessage } from './index.ts'
import { pairingHint } from './start.ts'

type Deps = CommandDeps & { readonly api: BotApi; readonly throttle: Throttle; readonly log: Log }

/**
 * Lets the bot answer commands and buttons. A chat that is not paired gets the pairing hint, whatever it asks; in groups
 * only commands are answered. Who blocks the bot or removes it from a group is unpaired at once.
 */
export function answerUpdates(bot: Telegraf, deps: Deps): void {
  const { store, api, throttle } = deps
  const say = async (chatId: number, answer: Answer) => {
    const { message, keyboard } = 'message' in answer ? answer : { message: answer, keyboard: [] }
    throttle.note(chatId)
    await api.send(chatId, { html: toHtml(message), keyboard })
  }

  for (const command of commands)
    bot.command(command.name, async ({ chat, payload }) => {
      const asked = { chatId: chat.id, chatTitle: titleOf(chat), words: payload.split(/\s+/).filter(Boolean) }
      await say(chat.id, await answerOf(command, deps, asked, await store.chats.find(chat.id)))
    })
  bot.on('callback_query', async ({ callbackQuery: query }) => {
    if (!('data' in query) || query.message === undefined) return
    const { chat, message_id: messageId } = query.message
    const answer = await pressButton(deps, { data: query.data, chatId: chat.id, messageId, by: query.from.first_name })
    await api.answerButton(query.id, answer)
  })
  bot.on('migrate_to_chat_id', ({ chat, message }) =>
    store.transaction(({ chats }) => chats.move(chat.id, message.migrate_to_chat_id)),
  )
  bot.on('my_chat_member', async ({ chat, myChatMember }) => {
    const { status } = myChatMember.new_chat_member
    if (status === 'kicked' || status === 'left') await forgetChat(store, chat.id)
  })
  bot.on('text', async ({ chat }) => {
    if (chat.type === 'private') await say(chat.id, (await store.chats.find(chat.id)) ? helpMessage : pairingHint)
  })
}

/** A command's answer; where it failed, what is known of why and what to do. */
async function answerOf(
  command: Command,
  { log, ...deps }: Deps,
  asked: Asked,
  chat: PairedChat | null,
): Promise<Answer> {
  try {
    if (command.isOpen) return await command.answer(deps, asked)
    return chat === null ? pairingHint : await command.answer(deps, { ...asked, chat })
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
