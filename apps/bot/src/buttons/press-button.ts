import { assertNever, isAppError, problems } from '@baton/contracts'
import type { Button, Chat, Store } from '@baton/core'
import type { BatonClient } from '../commands/command.ts'
import { untilText } from '../messages/format.ts'
import { plain, title, toHtml } from '../messages/message.ts'
import type { BotApi } from '../telegram/bot-api.ts'
import { confirmKeyboard, isRetry } from './keyboard.ts'

interface Deps {
  readonly store: Store
  readonly client: BatonClient
  readonly api: BotApi
}

interface Press {
  /** The button's id, as Telegram sends it back. */
  readonly data: string
  readonly chatId: number
  readonly messageId: number
  /** Who pressed, for the others in the chat. */
  readonly by: string
}

const muteSeconds = 3600

/**
 * Does what a button says, and answers with the line that the presser sees. Pressed again, also at once and twice, it
 * changes nothing more. A button of another chat, an old one and an unknown one do nothing.
 */
export async function pressButton(deps: Deps, press: Press): Promise<string> {
  const chat = await deps.store.chats.find(press.chatId)
  if (chat === null) return 'This chat is not paired with Baton any more.'
  const button = await deps.store.buttons.find(press.data)
  if (button?.chatId !== press.chatId) return 'This button does not belong to this chat.'
  const name = `${button.project}#${button.version}`
  if (button.isExpired) return `This button is too old. /exp ${name} has new ones.`
  try {
    return await act(deps, chat, button, press)
  } catch (error) {
    if (!isAppError(error)) throw error
    return [problems[error.code].title, error.detail, problems[error.code].remedy].filter(Boolean).join('. ')
  }
}

async function act({ store, client, api }: Deps, chat: Chat, button: Button, press: Press): Promise<string> {
  const { project, version, experimentId, action } = button
  const name = `${project} #${version}`
  const params = { project, version }
  if (isRetry(action)) {
    const fold = Number(action.slice('retry-'.length))
    return `${name} fold ${fold} is ${await retry(client, button, fold)}.`
  }
  switch (action) {
    case 'pause':
      await client.pauseExperiment({ params })
      return `${name} is paused. Its sessions hand over at no lost step.`
    case 'resume':
      await client.resumeExperiment({ params })
      return `${name} goes on.`
    case 'stop': {
      const keyboard = await confirmKeyboard(store, chat.id, experimentId)
      const question = [title(`Stop ${name}?`), plain('Folds that are not done are cancelled for good; scores stay.')]
      await api.send(press.chatId, { html: toHtml(question), keyboard, hasSound: false })
      return ''
    }
    case 'confirm-stop': {
      const answer = await stop(client, button, press.data)
      await api.edit(press.chatId, press.messageId, { html: toHtml([title(`${name}: ${answer} (${press.by})`)]) })
      return `${name}: ${answer}.`
    }
    case 'mute': {
      const until = await store.chats.mute(chat.id, { experimentId, seconds: muteSeconds })
      return `${name} makes no sound here ${untilText(until!)}.`
    }
    default:
      return assertNever(action)
  }
}

/** Tries a failed fold again from its newest checkpoint; one that is being tried again already stays as it is. */
async function retry(client: BatonClient, { project, version }: Button, index: number): Promise<string> {
  const { folds } = await client.getExperiment({ params: { project, version } })
  const { id } = folds.find((fold) => fold.index === index)!
  try {
    await client.retryFold({ params: { fold: id }, body: { fromStart: false } })
    return 'tried again, from its newest checkpoint'
  } catch (error) {
    if (!isAppError(error, 'conflict')) throw error
    return `not tried again, as ${error.detail ?? 'it has not failed'}`
  }
}

/** Cancels the experiment; one that has ended stays as it is. */
async function stop(client: BatonClient, { project, version }: Button, id: string): Promise<string> {
  const params = { project, version }
  try {
    await client.cancelExperiment({ params }, { idempotencyKey: `button-${id}` })
    return 'stopped'
  } catch (error) {
    if (!isAppError(error, 'conflict')) throw error
    return `not stopped, as ${error.detail ?? 'it has ended'}`
  }
}
