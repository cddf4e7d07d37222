import { acquireLease, cancelExperiment, drainSession, endSession, getExperiment } from '@baton/core'
import type { OfferQueue } from '@baton/core'
import { aLease, anExperiment, aSession, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

/** The queue, where something happens in the moment in which an offer is handed out. */
function whileWaiting(happens: () => unknown): OfferQueue {
  const { offers } = world.queue
  return {
    ...offers,
    take: async (pools, options) => {
      await happens()
      return offers.take(pools, options)
    },
  }
}

const statuses = () => runSql(world.databaseUrl, `SELECT status, fence FROM fold ORDER BY index`)

describe('an answer that never arrived', () => {
  test('is given again: the same lease, no second attempt, no other fold', async () => {
    const { version } = await anExperiment(world)
    const sessionId = await aSession(world)
    const lost = await aLease(world, sessionId)
    await runSql(world.databaseUrl, `UPDATE fold SET lease_expires_at = now() WHERE id = '${lost.foldId}'`)
    expect(await aLease(world, sessionId)).toEqual(lost)
    const { folds } = await getExperiment(world, { project: 'emoji', version })
    expect(folds.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['leased', 1],
      ['ready', 0],
    ])
    expect(
      await runSql(world.databaseUrl, `SELECT 1 FROM fold WHERE lease_expires_at > now() + interval '50 seconds'`),
    ).toHaveLength(1)
  })

  test('is not given again once the experiment was cancelled: the fold is cancelled at once', async () => {
    const { version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    await aLease(world, sessionId)
    await cancelExperiment(world, { project: 'emoji', version })
    const answer = await acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 })
    expect(answer).toEqual({ lease: null, command: null })
    expect(await statuses()).toEqual([{ status: 'cancelled', fence: 1 }])
  })
})

describe('a session whose first call was cut off without a word, and that calls again', () => {
  test('gets one fold, though both calls wait: the other stays for others', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    let first: unknown = null
    const offers = whileWaiting(async () => (first = await aLease(world, sessionId)))
    const second = await acquireLease({ ...world, offers }, { sessionId, waitMs: 0 })
    expect(second).toEqual({ lease: null, command: null })
    expect(await statuses()).toEqual([
      { status: 'leased', fence: 1 },
      { status: 'ready', fence: 0 },
    ])
    expect(world.queue.waiting).toHaveLength(1)
    expect(await aLease(world, sessionId)).toEqual(first)
  })

  test('gets one fold, though both are granted in the same moment', async () => {
    await anExperiment(world)
    await anExperiment(world)
    const sessionId = await aSession(world)
    const asked = Array.from({ length: 4 }, () =>
      acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 }),
    )
    const granted = (await Promise.all(asked)).flatMap(({ lease }) => (lease === null ? [] : [lease.foldId]))
    expect(new Set(granted).size).toBe(1)
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM fold WHERE status = 'leased'`)).toHaveLength(1)
  })
})

describe('a session that works on several folds', () => {
  const ask = (sessionId: string, holding: string[]) =>
    acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0, holding })

  test('gets another beside those that it names, and the one again that it does not', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const first = await aLease(world, sessionId)
    const second = (await ask(sessionId, [first.foldId])).lease!
    expect(second.foldId).not.toBe(first.foldId)
    expect((await ask(sessionId, [first.foldId])).lease).toEqual(second)
    expect((await ask(sessionId, [second.foldId])).lease).toEqual(first)
    expect((await ask(sessionId, [first.foldId, second.foldId])).lease).toBeNull()
  })

  test('gets one fold by two calls that wait at once', async () => {
    await anExperiment(world)
    await anExperiment(world)
    const sessionId = await aSession(world)
    const { foldId } = await aLease(world, sessionId)
    const asked = await Promise.all([0, 1, 2].map(() => ask(sessionId, [foldId])))
    expect(new Set(asked.flatMap(({ lease }) => (lease === null ? [] : [lease.foldId]))).size).toBe(1)
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM fold WHERE status = 'leased'`)).toHaveLength(2)
  })

  test('loses all of them when it ends', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const { foldId } = await aLease(world, sessionId)
    await ask(sessionId, [foldId])
    await endSession(world, { sessionId })
    expect(await statuses()).toEqual([
      { status: 'ready', fence: 1 },
      { status: 'ready', fence: 1 },
    ])
  })
})

describe('a session that is gone when an offer comes', () => {
  test('because it hung up: leases nothing, and the offer waits for the next', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const calling = new AbortController()
    const offers = whileWaiting(() => calling.abort())
    const sessionId = await aSession(world)
    const answer = await acquireLease({ ...world, offers }, { sessionId, waitMs: 0, signal: calling.signal })
    expect(answer).toEqual({ lease: null, command: null })
    expect(await statuses()).toEqual([{ status: 'ready', fence: 0 }])
    expect((await aLease(world, await aSession(world, 'next'))).fence).toBe(1)
  })

  test('because it ended: leases nothing', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    const offers = whileWaiting(() => endSession(world, { sessionId }))
    await expect(acquireLease({ ...world, offers }, { sessionId, waitMs: 0 })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await statuses()).toEqual([{ status: 'ready', fence: 0 }])
    expect(world.queue.waiting).toHaveLength(1)
  })

  test('because it is to drain: leases nothing and is told so', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    const offers = whileWaiting(() => drainSession(world, { sessionId }))
    expect(await acquireLease({ ...world, offers }, { sessionId, waitMs: 0 })).toEqual({
      lease: null,
      command: 'drain',
    })
    expect(world.queue.waiting).toHaveLength(1)
  })
})

describe('the end of a session', () => {
  test('gives back the fold that it never heard of, at once, and tells nobody of a loss', async () => {
    const { id } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    await aLease(world, sessionId)
    await endSession(world, { sessionId })
    expect(await statuses()).toEqual([{ status: 'ready', fence: 1 }])
    expect((await world.store.sessions.get(sessionId))!.status).toBe('ended')
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 10 })
    expect(events.at(-1)!.payload).toMatchObject({ kind: 'fold-handed-over', step: 0 })
    expect((await aLease(world, await aSession(world, 'next'))).fence).toBe(2)
  })

  test('cancels the fold that it still holds of a cancelled experiment', async () => {
    const { version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    await aLease(world, sessionId)
    await cancelExperiment(world, { project: 'emoji', version })
    await endSession(world, { sessionId })
    expect(await statuses()).toEqual([{ status: 'cancelled', fence: 1 }])
  })

  test('is final: a drain that comes late does not wake it', async () => {
    const sessionId = await aSession(world)
    await endSession(world, { sessionId })
    await world.store.sessions.setStatus(sessionId, 'draining')
    expect((await world.store.sessions.get(sessionId))!.status).toBe('ended')
  })

  test('comes to a draining session that went silent; it does not come back and take leases', async () => {
    const [draining, silent] = [await aSession(world, 'draining'), await aSession(world, 'silent')]
    await drainSession(world, { sessionId: draining })
    await runSql(world.databaseUrl, `UPDATE session SET last_seen_at = now() - interval '1 hour'`)
    expect(await world.store.sessions.markLost(120)).toBe(2)
    expect((await world.store.sessions.get(draining))!.status).toBe('ended')
    expect((await world.store.sessions.get(silent))!.status).toBe('lost')
  })
})
