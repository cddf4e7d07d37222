import type { FoldOffer, JobQueue } from '@baton/core'

/** A queue in memory that only collects, for tests of the verbs: `take` answers at once. */
export interface MemoryQueue extends JobQueue {
  readonly waiting: FoldOffer[]
  readonly assembling: string[]
  readonly submissions: string[]
  readonly events: number[]
  readonly delivering: string[]
}

export function memoryQueue(): MemoryQueue {
  const waiting: FoldOffer[] = []
  const assembling: string[] = []
  const submissions: string[] = []
  const events: number[] = []
  const delivering: string[] = []
  const same = (a: FoldOffer, b: FoldOffer) => a.foldId === b.foldId && a.offer === b.offer
  return {
    waiting,
    assembling,
    submissions,
    events,
    delivering,
    offers: {
      offer: async (offer) => void (waiting.some((other) => same(other, offer)) || waiting.push(offer)),
      isWaiting: async (offer) => waiting.some((other) => same(other, offer)),
      withdraw: (offer) => {
        const index = waiting.findIndex((other) => same(other, offer))
        if (index >= 0) waiting.splice(index, 1)
      },
      take: async (pools) => {
        const mine = waiting.filter((offer) => pools.includes(offer.pool))
        const first = mine.reduce<FoldOffer | null>((best, o) => (best && best.priority >= o.priority ? best : o), null)
        return first && waiting.splice(waiting.indexOf(first), 1)[0]!
      },
    },
    assemble: async (experimentId) => void assembling.push(experimentId),
    makeSubmission: async (submissionId) => void submissions.push(submissionId),
    fanOut: async (eventId) => void events.push(eventId),
    deliver: async (chat) => void delivering.push(chat),
  }
}
