import type { Client } from '@baton/contracts'
import type { Store } from '@baton/core'
import type { Message } from '../messages/message.ts'

/** The part of REST /v1 that commands read. */
export type StatusClient = Pick<
  Client,
  'listProjects' | 'listExperiments' | 'getExperiment' | 'getLeaderboard' | 'listSessions'
>

export interface CommandDeps {
  readonly store: Store
  readonly client: StatusClient
}

/** What a chat asked. */
interface Asked {
  readonly chatId: number
  /** Name of the chat, for people. */
  readonly chatTitle: string
  /** Words behind the command. */
  readonly words: readonly string[]
}

export interface Command {
  readonly name: string
  readonly description: string
  /** Whether a chat that is not paired may call it. */
  readonly isOpen?: true
  answer(deps: CommandDeps, asked: Asked): Promise<Message>
}
