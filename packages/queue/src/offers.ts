import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { FoldOffer, OfferQueue } from '@baton/core'
import type { Job } from 'bullmq'
import type { Backend, QueueLog } from './backend.ts'
import { jobs } from './catalog.ts'
import { depthsOf, states } from './depth.ts'
import type { Depth } from './depth.ts'
import { inTime } from './in-time.ts'
import { bullPriority } from './priority.ts'

/** Pause after the database failed a fetch. */
const retryMs = 1_000
const stalledCheckMs = 2_000
const lookLimitMs = 1_000

export interface ClosableOfferQueue extends OfferQueue {
  /** Offers of the pools that this process has offered to or taken from. */
  depths(): Promise<Depth[]>
  /** Ends every wait with null, puts back what is on its way, and then closes, which takes a database that answers. */
  close(): Promise<void>
}

/** One session that waits; several pools may serve it. */
interface Waiter {
  /** Gives it the offer; false once it has one or went away, and then the offer is still the giver's. */
  give(offer: FoldOffer): boolean
}

/**
 * Offers of folds on one BullMQ queue a pool. However many sessions wait in this process, each pool has one fetch
 * under way, on one connection, which hands what it gets to the session that waits longest.
 *
 * An offer that is made while sessions wait in this process goes to the first of them and never through the database;
 * should both die at once, the fold is offered again by the reconciler, as after the loss of the whole queue.
 *
 * An offer leaves the queue only after a session has it. Taken for one that went away it goes to the next, or back to
 * its old place in the queue; taken by a process that died it comes back when its lock runs out.
 */
export function openOffers(backend: Backend, log: QueueLog): ClosableOfferQueue {
  const pools = new Map<string, Pool>()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one for each session that waits
  const poolOf = (name: string) => {
    const pool = pools.get(name) ?? openPool(name, backend, log, closing.signal)
    pools.set(name, pool)
    return pool
  }
  return {
    offer: (offer) => poolOf(offer.pool).offer(offer),
    isWaiting: (offer) => poolOf(offer.pool).isWaiting(offer),
    withdraw: (offer) => poolOf(offer.pool).withdraw(offer),
    take: async (names, { waitMs, signal }) => {
      const ends = signal ? [closing.signal, signal] : [closing.signal]
      return waitFor(names.map(poolOf), waitMs, ends)
    },
    depths: async () => (await Promise.all([...pools.values()].map((pool) => pool.depths()))).flat(),
    close: async () => {
      closing.abort()
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}

async function waitFor(pools: readonly Pool[], waitMs: number, ends: AbortSignal[]): Promise<FoldOffer | null> {
  if (ends.some((signal) => signal.aborted)) return null
  let isSettled = false
  let settle!: (offer: FoldOffer | null) => void
  let fail!: (error: unknown) => void
  const outcome = new Promise<FoldOffer | null>((resolve, reject) => ([settle, fail] = [resolve, reject]))
  const waiter: Waiter = {
    give: (offer) => {
      if (isSettled) return false
      isSettled = true
      settle(offer)
      return true
    },
  }
  const giveUp = () => {
    isSettled = true
    settle(null)
  }
  const search = async () => {
    // What waits already is taken in the order the pools are named; only then may any of them be the first.
    for (const pool of pools) if (!isSettled) await pool.giveWaiting(waiter)
    if (isSettled) return
    clearTimeout(timer)
    timer = setTimeout(giveUp, startedMs + waitMs - performance.now())
    for (const pool of pools) pool.enter(waiter)
  }
  const startedMs = performance.now()
  // However short the wait, it looks once; should the database not answer, that does not hold it much longer.
  let timer = setTimeout(giveUp, waitMs + lookLimitMs)
  for (const signal of ends) signal.addEventListener('abort', giveUp)
  search().catch(fail)
  try {
    return await outcome
  } finally {
    isSettled = true
    clearTimeout(timer)
    for (const signal of ends) signal.removeEventListener('abort', giveUp)
    for (const pool of pools) pool.leave(waiter)
  }
}

interface Pool {
  offer(offer: FoldOffer): Promise<void>
  isWaiting(offer: FoldOffer): Promise<boolean>
  withdraw(offer: FoldOffer): void
  /** Gives the waiter an offer if one waits; returns at once if not. */
  giveWaiting(waiter: Waiter): Promise<void>
  enter(waiter: Waiter): void
  leave(waiter: Waiter): void
  depths(): Promise<Depth[]>
  close(): Promise<void>
}

function openPool(name: string, backend: Backend, log: QueueLog, closing: AbortSignal): Pool {
  const { payload, lockMs } = jobs['offer-fold']
  const queue = backend.queue(offersOf(name))
  const worker = backend.worker(offersOf(name), null, {
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    // The death of those who took an offer says nothing against it.
    maxStalledCount: 1_000_000,
  })
  void worker.startStalledCheckTimer()
  const token = randomUUID()
  const waiters = new Set<Waiter>()
  /** Fetches and hand-overs that are under way. */
  const busy = new Set<Promise<void>>()
  const track = (work: Promise<void>) => {
    busy.add(work)
    return work.finally(() => busy.delete(work))
  }
  const add = together((offers: Parameters<typeof queue.addBulk>[0]) => queue.addBulk(offers))
  let pumping = Promise.resolve()
  let isPumping = false

  const settle = (job: Job, how: 'moveToCompleted' | 'moveToWait') => {
    const told: Promise<unknown> =
      how === 'moveToCompleted' ? job.moveToCompleted(undefined, token, false) : job.moveToWait(token)
    // If that fails its lock runs out and it is offered once more, which the database sorts out.
    const warn = (error: unknown) => log.warn({ error, job: job.id, pool: name }, `offer not settled: ${how}`)
    void track(told.then(() => undefined, warn))
  }
  const give = (offer: FoldOffer, takers: Iterable<Waiter>): boolean => {
    for (const taker of takers) {
      if (!taker.give(offer)) continue
      // At once: while anybody is in here the next offer is fetched.
      waiters.delete(taker)
      return true
    }
    return false
  }
  const hand = (job: Job, takers: Iterable<Waiter>) => {
    const offer = payload.safeParse(job.data)
    if (!offer.success) {
      log.error({ job: job.id, pool: name, problem: offer.error.message }, 'offer dropped: its payload does not fit')
      return settle(job, 'moveToCompleted')
    }
    settle(job, give(offer.data, takers) ? 'moveToCompleted' : 'moveToWait')
  }
  const pump = async () => {
    isPumping = true
    while (waiters.size > 0 && !closing.aborted) {
      try {
        // It may return without one: the wait has a limit of its own.
        const job = await worker.getNextJob(token)
        if (job) hand(job, waiters)
      } catch (error) {
        log.warn({ error, pool: name }, 'offers not fetched, trying again')
        await delay(retryMs, undefined, { signal: closing }).catch(() => undefined)
      }
    }
    isPumping = false
  }
  return {
    offer: async (offer) => {
      if (!closing.aborted && give(offer, waiters)) return
      const opts = {
        jobId: jobId(offer),
        priority: bullPriority(offer.priority),
        removeOnComplete: true,
        removeOnFail: true,
      }
      await add({ name: 'offer-fold', data: payload.parse(offer), opts })
    },
    isWaiting: async (offer) => ['waiting', 'prioritized', 'delayed'].includes(await queue.getJobState(jobId(offer))),
    withdraw: (offer) => {
      if (closing.aborted) return
      // One that is just being handed out stays, and leases nothing.
      const warn = (error: unknown) => log.warn({ error, job: jobId(offer), pool: name }, 'offer not withdrawn')
      void track(queue.remove(jobId(offer)).then(() => undefined, warn))
    },
    giveWaiting: (waiter) => {
      const fetch = async () => {
        const job = await worker.getNextJob(token, { block: false })
        if (job) hand(job, [waiter])
      }
      return track(fetch())
    },
    enter: (waiter) => {
      waiters.add(waiter)
      if (!isPumping) pumping = pump()
    },
    leave: (waiter) => void waiters.delete(waiter),
    depths: async () => depthsOf('offer-fold', name, await queue.getJobCounts(...states)),
    close: async () => {
      // Until then it may still take a connection, which nobody would give back.
      await inTime(worker.waitUntilReady())
      await worker.getBackend().disconnectBlocking()
      await pumping
      while (busy.size > 0) await Promise.allSettled(busy)
      await worker.close()
      await queue.close()
    },
  }
}

/** Names the queue of a pool's offers. */
export const offersOf = (pool: string) => `offers-${pool}`

/** No colon: BullMQ keeps it for itself. */
const jobId = ({ foldId, offer }: FoldOffer) => `${foldId}.${offer}`

/** What is added in one go is added in one statement: an experiment's folds are offered all at once. */
function together<T>(addAll: (items: T[]) => Promise<unknown>): (item: T) => Promise<void> {
  let waiting: T[] = []
  let added: Promise<unknown> | null = null
  return async (item) => {
    waiting.push(item)
    added ??= Promise.resolve().then(() => {
      const items = waiting
      waiting = []
      added = null
      return addAll(items)
    })
    await added
  }
}
