import {
  acquireLease,
  assembleExperiment,
  cancelExperiment,
  cloneExperiment,
  completeFold,
  dispatchOutbox,
  drainSession,
  expireLeases,
  failFold,
  getExperiment,
  getFold,
  heartbeat,
  pauseExperiment,
  prioritiseFold,
  reconcile,
  recordCheckpoint,
  resumeExperiment,
  retireCheckpoints,
  retryFold,
  stopSession,
} from '@baton/core'
import type { Failure } from '@baton/contracts'
import { aCheckpoint, aLease, anExperiment, aResult, aSession, createWorld, outliveLease, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const beat = { progress: null, secondsLeft: null, metrics: [], logs: [] }
const nan: Failure = { code: 'loss-not-finite', detail: 'NaN at step 9', lastLines: [], step: 9 }
const askFor = (sessionId: string) => acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 })
const prioritise = (foldId: string, priority: number) =>
  prioritiseFold({ ...world, offers: world.queue.offers }, { foldId, priority })

/** A lease of a session of its own, and what its worker shows with each write. */
async function aTraining(name = 'session') {
  const sessionId = await aSession(world, name)
  const lease = await aLease(world, sessionId)
  return { lease, sessionId, proof: { foldId: lease.foldId, fence: lease.fence, sessionId } }
}

/** An experiment of one fold that failed for good at step 9, with a checkpoint at step 7. */
async function aFailedExperiment() {
  const { id, version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
  const { lease, proof } = await aTraining()
  await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 7) })
  await failFold(world, { ...proof, failure: nan })
  await assembleExperiment(world, { experimentId: id })
  const at = { project: 'emoji', version }
  expect(await getExperiment(world, at)).toMatchObject({ status: 'failed', folds: [{ status: 'failed' }] })
  return { id, at, foldId: lease.foldId }
}

describe('a fold that is retried', () => {
  test('goes on from its last checkpoint as if it had never failed, and its experiment completes', async () => {
    const { id, at, foldId } = await aFailedExperiment()
    await runSql(
      world.databaseUrl,
      `UPDATE fold SET failures = '{"infrastructure":5}', lost_in_a_row = 2, lost_at_step = 9`,
    )
    expect(await retryFold(world, { foldId, fromStart: false })).toMatchObject({
      status: 'ready',
      failure: null,
      checkpointStep: 7,
    })
    expect(await getExperiment(world, at)).toMatchObject({ status: 'running', failure: null, completedAt: null })
    expect(await runSql(world.databaseUrl, `SELECT failures, lost_in_a_row, lost_at_step FROM fold`)).toEqual([
      { failures: {}, lost_in_a_row: 0, lost_at_step: null },
    ])
    const { lease, proof } = await aTraining('second')
    expect(lease).toMatchObject({ foldId, attempt: 2, checkpoint: { manifest: { position: { step: 7 } } } })
    await completeFold(world, { ...proof, step: 20, result: await aResult(world, lease) })
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1, failure: null })
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 100 })
    expect(events.map(({ payload }) => payload.kind).slice(3)).toEqual([
      'experiment-failed',
      'fold-retried',
      'fold-leased',
      'fold-completed',
      'experiment-completed',
    ])
  })

  test('from the beginning goes on from no checkpoint, and keeps those of its new attempt', async () => {
    const { foldId } = await aFailedExperiment()
    expect(await retryFold(world, { foldId, fromStart: true })).toMatchObject({ checkpointStep: null, progress: null })
    const { lease, proof } = await aTraining('second')
    expect(lease.checkpoint).toBeNull()
    await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 3) })
    await retireCheckpoints(world)
    expect((await getFold(world, foldId)).checkpointStep).toBe(3)
  })

  test('fails its experiment again if it fails again', async () => {
    const { id, at, foldId } = await aFailedExperiment()
    await retryFold(world, { foldId, fromStart: false })
    const { proof } = await aTraining('second')
    expect((await failFold(world, { ...proof, failure: nan })).outcome).toBe('given-up')
    await assembleExperiment(world, { experimentId: id })
    expect((await getExperiment(world, at)).status).toBe('failed')
  })

  test('is refused unless it failed, and after its experiment was cancelled', async () => {
    const { version } = await anExperiment(world)
    const { proof } = await aTraining()
    const retry = () => retryFold(world, { foldId: proof.foldId, fromStart: false })
    await expect(retry()).rejects.toMatchObject({
      code: 'conflict',
      detail: 'only a failed fold is retried: this one is leased',
    })
    await failFold(world, { ...proof, failure: nan })
    await cancelExperiment(world, { project: 'emoji', version })
    await expect(retry()).rejects.toMatchObject({ code: 'conflict', facts: { experiment: 'cancelled' } })
    const nothing = { foldId: crypto.randomUUID(), fromStart: false }
    await expect(retryFold(world, nothing)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('of a paused experiment waits for the resume', async () => {
    const { version } = await anExperiment(world)
    const { proof } = await aTraining()
    await failFold(world, { ...proof, failure: nan })
    const at = { project: 'emoji', version }
    await pauseExperiment(world, at)
    expect((await retryFold(world, { foldId: proof.foldId, fromStart: false })).status).toBe('paused')
    expect((await getExperiment(world, at)).status).toBe('paused')
    expect(await askFor(await aSession(world))).toEqual({ lease: null, command: null })
    expect((await resumeExperiment(world, at)).folds.map(({ status }) => status)).toEqual(['ready', 'ready'])
  })

  test('is offered again after the queue lost its offer', async () => {
    const { foldId } = await aFailedExperiment()
    await retryFold(world, { foldId, fromStart: false })
    await dispatchOutbox(world)
    world.queue.waiting.length = 0
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = now() - interval '1 hour'`)
    expect(await reconcile(world)).toBe(1)
    expect((await aTraining('second')).lease.foldId).toBe(foldId)
  })

  test('keeps the checkpoint that retention was just about to remove', async () => {
    const { foldId } = await aFailedExperiment()
    await runSql(world.databaseUrl, `UPDATE fold SET completed_at = now() - interval '2 days'`)
    const surplus = await world.store.folds.surplusCheckpoints({ keep: 2, finalSeconds: 86_400, limit: 10 })
    expect(surplus).toHaveLength(1)
    await retryFold(world, { foldId, fromStart: false })
    const ids = surplus.map(({ id }) => id)
    expect(await world.store.transaction(({ folds }) => folds.removeCheckpoints(ids))).toEqual([])
    expect((await getFold(world, foldId)).checkpointStep).toBe(7)
  })
})

describe('a fold that is prioritised', () => {
  test('is leased before others; the offer that it had leases nothing', async () => {
    const { folds } = await anExperiment(world)
    const [first, second] = folds
    const stale = world.queue.waiting.find(({ foldId }) => foldId === second!.id)!
    expect(await prioritise(second!.id, 9)).toMatchObject({ status: 'ready', priority: 9 })
    await dispatchOutbox(world)
    expect(world.queue.waiting.map(({ foldId, offer, priority }) => [foldId, offer, priority])).toEqual([
      [first!.id, 1, 0],
      [second!.id, 2, 9],
    ])
    world.queue.waiting.splice(0, 2, stale)
    expect(await askFor(await aSession(world))).toEqual({ lease: null, command: null })
  })

  test('to what it was changes nothing; a leased one keeps it for its next offer; a final one is refused', async () => {
    const { folds, version } = await anExperiment(world)
    await prioritise(folds[0]!.id, 0)
    expect(await runSql(world.databaseUrl, `SELECT DISTINCT offer FROM fold`)).toEqual([{ offer: 1 }])
    const { sessionId, lease } = await aTraining()
    await prioritise(lease.foldId, 7)
    await stopSession(world, { sessionId })
    await dispatchOutbox(world)
    expect(world.queue.waiting).toContainEqual({ foldId: lease.foldId, offer: 2, pool: 'default', priority: 7 })
    await cancelExperiment(world, { project: 'emoji', version })
    await expect(prioritise(lease.foldId, 1)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('is offered once its delay is over, or its experiment is resumed', async () => {
    const { version, folds } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const at = { project: 'emoji', version }
    const foldId = folds[0]!.id
    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now() + interval '1 hour'`)
    world.queue.waiting.length = 0
    await prioritise(foldId, 3)
    await pauseExperiment(world, at)
    await prioritise(foldId, 4)
    await dispatchOutbox(world)
    expect(world.queue.waiting).toEqual([])
    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now()`)
    await resumeExperiment(world, at)
    await dispatchOutbox(world)
    expect(world.queue.waiting).toMatchObject([{ foldId, priority: 4 }])
  })
})

describe('a session that is stopped', () => {
  test('is over at once: its fold goes on elsewhere from its last checkpoint, and its late writes change nothing', async () => {
    const { id } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const { lease, sessionId, proof } = await aTraining()
    await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 5) })
    const late = await aCheckpoint(world, lease, 8)
    expect(await stopSession(world, { sessionId })).toMatchObject({ status: 'ended', foldId: null })
    await expect(recordCheckpoint(world, { ...proof, manifest: late })).rejects.toMatchObject({ code: 'lease-lost' })
    await expect(heartbeat(world, { ...proof, ...beat })).rejects.toMatchObject({ code: 'lease-lost' })
    await expect(askFor(sessionId)).rejects.toMatchObject({ code: 'conflict' })

    const next = await aTraining('next')
    expect(next.lease).toMatchObject({ attempt: 2, checkpoint: { manifest: { position: { step: 5 } } } })
    const attempts = await world.store.folds.attempts(lease.foldId, { limit: 10 })
    expect(attempts.items.map(({ status }) => status)).toEqual(['stopped', 'running'])
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 100 })
    expect(events.map(({ payload }) => payload)).toContainEqual({
      kind: 'session-stopped',
      fold: 0,
      attempt: 1,
      session: 'session',
      resumeStep: 5,
    })
  })

  test('does not bring its fold nearer to being called poisoned, nor further from it', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    for (let deaths = 0; deaths < 2; deaths++) {
      const { lease } = await aTraining()
      await runSql(world.databaseUrl, `UPDATE fold SET progress = '{"step": 4}'`)
      await outliveLease(world, lease.foldId)
      expect(await expireLeases(world)).toBe(1)
    }
    const { sessionId, lease } = await aTraining()
    await runSql(world.databaseUrl, `UPDATE fold SET progress = '{"step": 4}'`)
    await stopSession(world, { sessionId })
    expect(await runSql(world.databaseUrl, `SELECT status, lost_at_step, lost_in_a_row FROM fold`)).toEqual([
      { status: 'ready', lost_at_step: 4, lost_in_a_row: 2 },
    ])
    await aTraining()
    await runSql(world.databaseUrl, `UPDATE fold SET progress = '{"step": 4}'`)
    await outliveLease(world, lease.foldId)
    await expireLeases(world)
    expect(await getFold(world, lease.foldId)).toMatchObject({ status: 'failed', failure: { code: 'fold-poisoned' } })
  })

  test('twice, idle, draining or lost is ended; its fold of a paused or cancelled experiment is not offered', async () => {
    const idle = await aSession(world, 'idle')
    await drainSession(world, { sessionId: idle })
    const stopped = await stopSession(world, { sessionId: idle })
    expect(stopped.status).toBe('ended')
    expect(await stopSession(world, { sessionId: idle })).toMatchObject({ id: idle, status: 'ended' })

    const paused = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const first = await aTraining('first')
    await pauseExperiment(world, { project: 'emoji', version: paused.version })
    await runSql(world.databaseUrl, `UPDATE session SET status = 'lost' WHERE id = '${first.sessionId}'`)
    await stopSession(world, first)
    expect((await getFold(world, first.lease.foldId)).status).toBe('paused')

    const cancelled = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const second = await aTraining('second')
    await cancelExperiment(world, { project: 'emoji', version: cancelled.version })
    await stopSession(world, second)
    expect((await getFold(world, second.lease.foldId)).status).toBe('cancelled')
    await expect(stopSession(world, { sessionId: crypto.randomUUID() })).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('a clone', () => {
  test('trains the changed spec under the next number, on the same version of the dataset', async () => {
    const { version } = await anExperiment(world, { seed: 3 })
    const at = { project: 'emoji', version }
    const overrides = { name: 'wider', model: { width: 32 }, earlyStop: null }
    const clone = await cloneExperiment(world, { ...at, overrides })
    expect(clone).toMatchObject({
      version: version + 1,
      parent: version,
      name: 'wider',
      dataset: 'emoji@1',
      status: 'queued',
    })
    expect(clone.spec).toMatchObject({ seed: 3, model: { name: 'convnet', width: 32, blocks: 3 } })
    const [created] = await world.store.events.listByExperiment(clone.id, { after: 0, limit: 1 })
    expect(created!.payload).toEqual({ kind: 'experiment-created', folds: 2, parent: version })
    const again = await cloneExperiment(world, { ...at, overrides: {} })
    expect(again.specDigest).toBe((await getExperiment(world, at)).specDigest)
    expect(again.parent).toBe(version)
  })

  test('of a spec that the changes break is refused with every pointer, and nothing is stored', async () => {
    const { version } = await anExperiment(world)
    const overrides = { model: { name: 'resnet', blocks: 2 }, image: null, folds: { count: 1 } }
    await expect(cloneExperiment(world, { project: 'emoji', version, overrides })).rejects.toMatchObject({
      code: 'spec-invalid',
      faults: [{ pointer: '/folds/count' }, { pointer: '/model/blocks' }, { pointer: '/image' }],
    })
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM experiment`)).toHaveLength(1)
  })
})

describe('lists', () => {
  test('of folds come by index, page by page', async () => {
    const { id } = await anExperiment(world, { folds: { count: 5 } })
    const seen: number[] = []
    let cursor: string | undefined
    do {
      const page = await world.store.folds.list(id, { limit: 2, cursor })
      seen.push(...page.items.map(({ index }) => index))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  test('of pools count what waits, is leased, paused and delayed, and who serves it, of the projects one may see', async () => {
    await anExperiment(world, { folds: { count: 5 }, pool: 'default' })
    const { folds, version } = await anExperiment(world, { pool: 'big' })
    await aTraining()
    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now() + interval '1 hour' WHERE index = 4`)
    await pauseExperiment(world, { project: 'emoji', version })
    const { items } = await world.store.pools.list(null, { limit: 50 })
    expect(items).toEqual([
      {
        name: 'big',
        foldsReady: 0,
        oldestReadySince: null,
        foldsDelayed: 0,
        foldsLeased: 0,
        foldsPaused: folds.length,
        sessions: 0,
      },
      {
        name: 'default',
        foldsReady: 3,
        oldestReadySince: expect.any(String) as string,
        foldsDelayed: 1,
        foldsLeased: 1,
        foldsPaused: 0,
        sessions: 1,
      },
    ])
    expect(await world.store.pools.find(null, 'default')).toEqual(items[1])
    expect((await world.store.pools.list(null, { limit: 1 })).items).toEqual([items[0]])
    expect(await world.store.pools.list('other', { limit: 50 })).toEqual({ items: [], nextCursor: null })
    expect(await world.store.pools.find(null, 'nothing')).toBeNull()
  })
})
