import { setTimeout } from 'node:timers/promises'
import { isAppError, isFinal } from '@baton/contracts'
import type { Client, Fold, StoredLogLine } from '@baton/contracts'

/** How often it is asked whether the folds are final; the lines themselves come by themselves. */
const lookMs = 3_000

export interface FollowLogs {
  readonly project: string
  readonly version: number
  readonly folds: readonly Fold[]
  /** The last line already printed of each fold, by its index, and where the others begin. */
  readonly last: ReadonlyMap<number, number>
  readonly start: number
  readonly wanted: (line: StoredLogLine) => boolean
  readonly print: (line: StoredLogLine) => void
  readonly signal: AbortSignal
}

/** Prints folds' lines as they come, until the folds are final and their last lines are printed. */
export async function followLogs(api: Client, options: FollowLogs): Promise<void> {
  const { project, version, folds } = options
  const followed = folds.map((fold) => followFold(api, fold, options))
  const ended = new AbortController()
  const endWhenFinal = async () => {
    const signal = AbortSignal.any([options.signal, ended.signal])
    const params = { project, version }
    for (;;) {
      // A fold that is cancelled ends without an event.
      const experiment = await api.getExperiment({ params }, { signal }).catch(ignoreAbsence)
      const isDone = ({ id }: Fold) => experiment?.folds.some((fold) => fold.id === id && isFinal(fold.status))
      if (folds.every(isDone)) return Promise.all(followed.map((fold) => fold.finish()))
      await setTimeout(lookMs, undefined, { signal })
    }
  }
  try {
    await Promise.all([endWhenFinal(), ...followed.map((fold) => fold.ended)])
  } finally {
    ended.abort()
    for (const fold of followed) fold.stop()
  }
}

function followFold(api: Client, fold: Fold, { last, start, wanted, print, signal }: FollowLogs) {
  const stopped = new AbortController()
  const params = { fold: fold.id }
  let place = last.get(fold.index) ?? start
  let end = Infinity
  const follow = async () => {
    const query = { after: place }
    for await (const item of api.streamLogs({ params, query }, { signal: AbortSignal.any([signal, stopped.signal]) })) {
      if (wanted(item.data)) print(item.data)
      place = item.place
      if (place >= end) return
    }
  }
  const ended = follow().catch((error: unknown) => {
    if (!stopped.signal.aborted) throw error
  })
  return {
    ended,
    stop: () => stopped.abort(),
    /** Ends it once the last line there is has been printed. */
    finish: async () => {
      const { items } = await api.listLogs({ params, query: { order: 'newest', limit: 1 } })
      end = items[0]?.id ?? 0
      if (place >= end) stopped.abort()
    },
  }
}

/** While the API is away nothing is final. */
function ignoreAbsence(error: unknown): null {
  if (isAppError(error, 'unavailable')) return null
  throw error
}
