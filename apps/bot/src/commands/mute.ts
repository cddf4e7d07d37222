import { untilText } from '../messages/format.ts'
import { plain } from '../messages/message.ts'
import type { Message } from '../messages/message.ts'
import type { AskedInChat, Command, CommandDeps } from './command.ts'
import { findExperiment } from './find-experiment.ts'

const hour = 3600
const secondsOf: Readonly<Record<string, number>> = { m: 60, h: hour, d: 24 * hour }
const secondsMax = 30 * 24 * hour

/** `/mute`, `/mute 8h`, `/mute off`; with an experiment, `/mute 8h imet#41`, only what is about it. */
export const mute: Command = {
  name: 'mute',
  description: 'No sound for a while: /mute 1h, /mute 8h imet#41, /mute off',
  answer: async (deps, asked) => {
    const length = asked.words[0] === undefined ? undefined : secondsIn(asked.words[0])
    if (length === undefined) return setMute(deps, asked, { seconds: hour, words: asked.words })
    return setMute(deps, asked, { seconds: length, words: asked.words.slice(1) })
  },
}

/** `/unmute`, `/unmute imet#41`. */
export const unmute: Command = {
  name: 'unmute',
  description: 'Sound again: /unmute, /unmute imet#41',
  answer: async (deps, asked) => setMute(deps, asked, { seconds: null, words: asked.words }),
}

/** Null: `off`. Undefined: the word is no length of time, but the name of an experiment. */
function secondsIn(word: string): number | null | undefined {
  if (word === 'off') return null
  const [, count, unit] = /^(\d{1,4})([mhd])$/.exec(word) ?? []
  return count === undefined ? undefined : Math.min(secondsMax, Number(count) * secondsOf[unit!]!)
}

async function setMute(
  { store, client }: CommandDeps,
  { chat }: AskedInChat,
  { seconds, words }: { seconds: number | null; words: readonly string[] },
): Promise<Message> {
  const found = words.length === 0 ? null : await findExperiment(client, chat, '/mute 1h', words)
  if (found !== null && 'instead' in found) return found.instead
  const experimentId = found?.experiment.id ?? null
  const until = await store.chats.mute(chat.id, { experimentId, seconds })
  const what = found === null ? 'This chat' : `${found.experiment.project} #${found.experiment.version}`
  if (until === null) return [plain(`${what} makes a sound again when somebody should look up.`)]
  return [plain(`${what} makes no sound ${untilText(until)}. Messages still come.`)]
}
