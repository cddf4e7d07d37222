import { isAppError } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import type { Chat } from '@baton/core'
import { plain } from '../messages/message.ts'
import type { Message } from '../messages/message.ts'
import type { BatonClient } from './command.ts'

/** The experiment that words name, or what to say instead. */
type Found = { readonly experiment: Experiment } | { readonly instead: Message }

/**
 * Finds an experiment as people name it: `41`, `#41`, `imet#41`, `imet #41`, `imet 41`. Without a project it is the
 * chat's, or the only one there is.
 *
 * @param command Named in what is said instead.
 */
export async function findExperiment(
  client: BatonClient,
  chat: Chat,
  command: string,
  words: readonly string[],
): Promise<Found> {
  const [, named, number] = /^([a-z0-9-]*?)\s*#?(\d{1,9})$/.exec(words.join(' ')) ?? []
  if (number === undefined) return { instead: [plain(`Which experiment? ${command} 41, or ${command} imet#41`)] }
  const project = named === '' || named === undefined ? await projectOf(client, chat) : named
  if (project === null)
    return { instead: [plain(`Of which project? ${command} imet#${number}, or choose one with /project`)] }
  try {
    return { experiment: await client.getExperiment({ params: { project, version: Number(number) } }) }
  } catch (error) {
    if (!isAppError(error, 'not-found')) throw error
    return { instead: [plain(`There is no experiment ${project} #${number}.`)] }
  }
}

async function projectOf(client: BatonClient, chat: Chat): Promise<string | null> {
  if (chat.project !== null) return chat.project
  const { items } = await client.listProjects({ query: { limit: 2 } })
  return items.length === 1 ? items[0]!.slug : null
}
