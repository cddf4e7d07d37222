import { plain } from '../messages/message.ts'
import type { Line } from '../messages/message.ts'
import type { Command } from './command.ts'

/** Of the day, UTC: the night's training is over, and the day has begun in most places. */
const hourDefault = 8

/** `/digest` says how it is, `/digest on`, `/digest 18` and `/digest off` change it. */
export const digest: Command = {
  name: 'digest',
  description: 'Quiet messages once a day: /digest on, /digest 18 (UTC), /digest off',
  answer: async ({ store }, { chat, words }) => {
    const [word] = words
    if (word === undefined) return [stateLine(chat.digestHour)]
    const digestHour = word === 'on' ? hourDefault : word === 'off' ? null : hourIn(word)
    if (digestHour === undefined) return [plain('An hour of the day in UTC, 0 to 23: /digest 18. Or on, or off.')]
    await store.chats.configure(chat.id, { digestHour })
    return [stateLine(digestHour)]
  },
}

function stateLine(hour: number | null): Line {
  if (hour === null) return plain('Quiet messages come one by one. /digest 18 has them come once a day, at 18:00 UTC.')
  return plain(
    `Quiet messages come as one, every day at ${hour}:00 UTC. What somebody should know now still comes at once.`,
  )
}

function hourIn(word: string): number | undefined {
  const [, hour] = /^(\d{1,2})(?::00)?$/.exec(word) ?? []
  return hour !== undefined && Number(hour) < 24 ? Number(hour) : undefined
}
