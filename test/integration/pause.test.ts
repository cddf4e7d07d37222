import {
  acquireLease,
  assembleExperiment,
  cancelExperiment,
  completeFold,
  dispatchOutbox,
  expireLeases,
  failFold,
  getExperiment,
  handOverFold,
  heartbeat,
  pauseExperiment,
  reconcile,
  recordCheckpoint,
  resumeExperiment,
} from '@baton/core'
import type { LeaseProof } from '@baton/core'
import type { Experiment, Failure, Lease } from '@baton/contracts'
import { aCheckpoint, aLease, anExperiment, aResult, aSession, createWorld, outliveLease, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

/** An experiment of one fold that a session trains. */
async function aTraining(): Promise<{ at: { project: string; version: number }; proof: LeaseProof; lease: Lease }> {
  const { version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
  const sessionId = await aSession(world)
  const lease = await aLease(world, sessionId)
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
  return { at: { project: 'emoji', version }, proof, lease }
}

const beat = { progress: null, secondsLeft: null, metrics: [], logs: [] }
const commandFor = async (proof: LeaseProof) => (await heartbeat(world, { ...proof, ...beat })).command
const foldOf = async (at: { project: string; version: number }) => (await getExperiment(world, at)).folds[0]!
const askFor = (sessionId: string) => acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 })
const kindsOf = async ({ id }: Experiment) =>
  (await world.store.events.listByExperiment(id, { after: 0, limit: 100 })).map(({ payload }) => payload.kind)

/** Everything that a lost queue is made again from, looked at as if long ago. */
async function loseQueue(): Promise<number> {
  await dispatchOutbox(world)
  world.queue.waiting.length = 0
  await runSql(world.databaseUrl, `UPDATE fold SET offered_at = now() - interval '1 hour'`)
  return reconcile(world)
}

describe('a paused experiment', () => {
  test('is leased to nobody, offered by nobody, and goes on from where it was once it is resumed', async () => {
    const { version } = await anExperiment(world)
    const at = { project: 'emoji', version }
    const before = [...world.queue.waiting]
    expect(await pauseExperiment(world, at)).toMatchObject({
      status: 'paused',
      folds: [{ status: 'paused' }, { status: 'paused' }],
    })
    const sessionId = await aSession(world)
    expect(await askFor(sessionId)).toEqual({ lease: null, command: null })
    expect(await loseQueue()).toBe(0)

    expect(await resumeExperiment(world, at)).toMatchObject({
      status: 'queued',
      folds: [{ status: 'ready' }, { status: 'ready' }],
    })
    await dispatchOutbox(world)
    expect(world.queue.waiting).toHaveLength(2)
    // An offer from before the pause that turns up now leases nothing beside the new one.
    world.queue.waiting.push(...before)
    const leased = [await aLease(world, sessionId), await aLease(world, await aSession(world, 'second'))]
    expect(new Set(leased.map(({ fold }) => fold))).toEqual(new Set([0, 1]))
    expect(await askFor(await aSession(world, 'third'))).toEqual({ lease: null, command: null })
  })

  test('that is paused or resumed again stays as it is, and tells of it once', async () => {
    const experiment = await anExperiment(world)
    const at = { project: 'emoji', version: experiment.version }
    expect((await resumeExperiment(world, at)).status).toBe('queued')
    await Promise.all([1, 2, 3].map(() => pauseExperiment(world, at)))
    await Promise.all([1, 2, 3].map(() => resumeExperiment(world, at)))
    const offers = await runSql(world.databaseUrl, `SELECT offer FROM fold`)
    expect(offers).toEqual([{ offer: 2 }, { offer: 2 }])
    expect(await kindsOf(experiment)).toEqual(['experiment-created', 'experiment-paused', 'experiment-resumed'])
  })

  test('can be cancelled', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    await handOverFold(world, { ...proof, step: 3 })
    const cancelled = await cancelExperiment(world, at)
    expect(cancelled).toMatchObject({ status: 'cancelled', folds: [{ status: 'cancelled' }] })
    expect(await cancelExperiment(world, at)).toEqual(cancelled)
    for (const verb of [pauseExperiment, resumeExperiment])
      await expect(verb(world, at)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('ends if its last fold was finished all the same', async () => {
    const { at, proof, lease } = await aTraining()
    await pauseExperiment(world, at)
    await completeFold(world, { ...proof, step: 9, result: await aResult(world, lease) })
    await expect(resumeExperiment(world, at)).rejects.toMatchObject({ code: 'conflict' })
    world.queue.assembling.length = 0
    await loseQueue()
    const { id } = await getExperiment(world, at)
    expect(world.queue.assembling).toContain(id)
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1 })
  })
})

describe('a fold that is trained while its experiment is paused', () => {
  test('is handed over at no lost step and no retry, by a session that goes on to other folds', async () => {
    const { at, proof, lease } = await aTraining()
    await pauseExperiment(world, at)
    expect(await foldOf(at)).toMatchObject({ status: 'leased' })
    // The answer that carried it may have been lost: it is said again.
    expect([await commandFor(proof), await commandFor(proof)]).toEqual(['pause', 'pause'])
    await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 7) })
    await handOverFold(world, { ...proof, step: 7 })
    expect(await foldOf(at)).toMatchObject({ status: 'paused', sessionId: null, checkpointStep: 7 })
    expect(await loseQueue()).toBe(0)

    const other = await anExperiment(world, { folds: { count: 2, only: [1] } })
    expect((await aLease(world, proof.sessionId)).version).toBe(other.version)
    expect((await resumeExperiment(world, at)).status).toBe('running')
    const next = await aLease(world, await aSession(world, 'next'))
    expect(next).toMatchObject({
      foldId: lease.foldId,
      attempt: 2,
      checkpoint: { manifest: { position: { step: 7 } } },
    })
    const { items: attempts } = await world.store.folds.attempts(lease.foldId, { limit: 10 })
    expect(attempts.map(({ status, endStep }) => [status, endStep])).toEqual([
      ['handed_over', 7],
      ['running', null],
    ])
    expect(await runSql(world.databaseUrl, `SELECT failures FROM fold WHERE id = '${lease.foldId}'`)).toEqual([
      { failures: {} },
    ])
  })

  test('stays with its session if it is resumed before that lets go', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    await resumeExperiment(world, at)
    expect(await commandFor(proof)).toBeNull()
    expect(await foldOf(at)).toMatchObject({ status: 'leased', attempts: 1 })
  })

  test('is offered again at once if it is resumed while its session is handing it over', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    expect(await commandFor(proof)).toBe('pause')
    await resumeExperiment(world, at)
    await handOverFold(world, { ...proof, step: 4 })
    expect(await aLease(world, await aSession(world, 'next'))).toMatchObject({ foldId: proof.foldId, attempt: 2 })
  })

  test('is let go when the session asks for a lease: it never heard of this one', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    const other = await anExperiment(world, { folds: { count: 2, only: [1] } })
    expect((await aLease(world, proof.sessionId)).version).toBe(other.version)
    expect(await foldOf(at)).toMatchObject({ status: 'paused', attempts: 1 })
  })

  test('waits for the resume when its session is lost, or its training fails and may be tried again', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    await outliveLease(world, proof.foldId)
    expect(await expireLeases(world)).toBe(1)
    expect(await foldOf(at)).toMatchObject({ status: 'paused' })
    expect(await loseQueue()).toBe(0)
    await resumeExperiment(world, at)

    const sessionId = await aSession(world, 'second')
    const { fence } = await aLease(world, sessionId)
    await pauseExperiment(world, at)
    const failure: Failure = { code: 'storage-unavailable', detail: 'no answer', lastLines: [], step: 3 }
    const told = await failFold(world, { foldId: proof.foldId, fence, sessionId, failure })
    expect(told).toMatchObject({ outcome: 'retrying', retryInSeconds: 5 })
    expect(await foldOf(at)).toMatchObject({ status: 'paused', failure: { code: 'storage-unavailable' } })
    // The pause does not shorten the wait after a failure.
    await resumeExperiment(world, at)
    await dispatchOutbox(world)
    expect(world.queue.waiting).toEqual([])
    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now()`)
    expect(await reconcile(world)).toBe(1)
  })

  test('is cancelled rather than paused when both are asked for', async () => {
    const { at, proof } = await aTraining()
    await pauseExperiment(world, at)
    await cancelExperiment(world, at)
    expect(await commandFor(proof)).toBe('cancel')
    await handOverFold(world, { ...proof, step: 1 })
    expect(await foldOf(at)).toMatchObject({ status: 'cancelled' })
  })

  test('of a draining session is drained, and waits for the resume all the same', async () => {
    const { at, proof } = await aTraining()
    await world.store.sessions.setStatus(proof.sessionId, 'draining')
    await pauseExperiment(world, at)
    expect(await commandFor(proof)).toBe('drain')
    await handOverFold(world, { ...proof, step: 1 })
    expect(await foldOf(at)).toMatchObject({ status: 'paused' })
  })
})
