import type { Client } from '@baton/contracts'
import type { Chat, Store } from '@baton/core'
import type { Message } from '../messages/message.ts'
import type { Keyboard } from '../telegram/bot-api.ts'

/** The part of REST /v1 that commands and buttons call. */
export type BatonClient = Pick<
  Client,
  | 'listProjects'
  | 'listExperiments'
  | 'getExperiment'
  | 'getLeaderboard'
  | 'listSessions'
  | 'cancelExperiment'
  | 'pauseExperiment'
  | 'resumeExperiment'
  | 'retryFold'
>

export interface CommandDeps {
  readonly store: Store
  readonly client: BatonClient
}

/** What a chat asked. */
export interface Asked {
  readonly chatId: number
  /** Name of the chat, for people. */
  readonly chatTitle: string
  /** Words behind the command. */
  readonly words: readonly string[]
}

/** What a paired chat asked. */
export interface AskedInChat extends Asked {
  readonly chat: Chat
}

/** A message, with buttons where there is something to do. */
export type Answer = Message | { readonly message: Message; readonly keyboard: Keyboard }

interface Named {
  readonly name: string
  readonly description: string
}

export type Command = Named &
  (
    | { readonly isOpen?: false; answer(deps: CommandDeps, asked: AskedInChat): Promise<Answer> }
    /** A chat that is not paired may call it too. */
    | { readonly isOpen: true; answer(deps: CommandDeps, asked: Asked): Promise<Answer> }
  )
