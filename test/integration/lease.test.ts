import {
  assembleExperiment,
  cancelExperiment,
  completeFold,
  expireLeases,
  failFold,
  getExperiment,
  grantFoldDownloads,
  grantFoldUploads,
  handOverFold,
  heartbeat,
  listLeaderboard,
  recordCheckpoint,
  reconcile,
  retireCheckpoints,
} from '@baton/core'
import { aCheckpoint, aLease, anExperiment, aResult, aSession, createWorld, outliveLease, runSql } from '@baton/testing'
import type { Failure } from '@baton/contracts'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const beat = { progress: null, secondsLeft: null, metrics: [], logs: [] }
const crash: Failure = { code: 'trainer-crashed', detail: 'exit 139', lastLines: [], step: null }

async function finishFold(sessionId: string): Promise<void> {
  const lease = await aLease(world, sessionId)
  const result = await aResult(world, lease)
  await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
}

describe('one session at a time (I1)', () => {
  test('a fold is leased to one of many sessions that ask at once', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const [offer] = world.queue.waiting.splice(0)
    const sessions = await Promise.all(Array.from({ length: 6 }, (_, i) => aSession(world, `s${i}`)))
    const leases = await Promise.all(
      sessions.map(async (sessionId) => {
        world.queue.waiting.push(offer!)
        return aLease(world, sessionId).catch(() => null)
      }),
    )
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1)
  })

  test('every write with a stale fence is refused and changes nothing', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const [first, second] = [await aSession(world, 'first'), await aSession(world, 'second')]
    const old = await aLease(world, first)
    const manifest = await aCheckpoint(world, old, 5)
    await outliveLease(world, old.foldId)
    expect(await expireLeases(world)).toBe(1)
    const current = await aLease(world, second)
    expect(current.fence).toBeGreaterThan(old.fence)
    const before = await runSql(world.databaseUrl, `SELECT * FROM fold`)
    const objects = world.blobs.objects.size

    const stale = { foldId: old.foldId, fence: old.fence, sessionId: first }
    const blob = { digest: manifest.files[0]!.digest, sizeBytes: 1 }
    const line = { seq: 1, level: 'info', text: 'late' } as const
    const point = { seq: 1, step: 1, name: 'loss', value: 1 }
    const lost = { code: 'lease-lost' }
    await expect(heartbeat(world, { ...stale, ...beat, logs: [line], metrics: [point] })).rejects.toMatchObject(lost)
    await expect(recordCheckpoint(world, { ...stale, manifest })).rejects.toMatchObject(lost)
    await expect(handOverFold(world, { ...stale, step: 5 })).rejects.toMatchObject(lost)
    await expect(failFold(world, { ...stale, failure: crash })).rejects.toMatchObject(lost)
    await expect(grantFoldUploads(world, { ...stale, blobs: [blob] })).rejects.toMatchObject(lost)
    await expect(grantFoldDownloads(world, { ...stale, digests: [blob.digest] })).rejects.toMatchObject(lost)
    const result = { oof: blob, test: null, weights: blob }
    world.blobs.objects.set(blob.digest, new Uint8Array(1))
    await expect(completeFold(world, { ...stale, step: 5, result })).rejects.toMatchObject(lost)

    expect(await runSql(world.databaseUrl, `SELECT * FROM fold`)).toEqual(before)
    expect(await runSql(world.databaseUrl, `SELECT * FROM metric`)).toEqual([])
    expect(await runSql(world.databaseUrl, `SELECT * FROM log_line`)).toEqual([])
    expect(world.blobs.objects.size).toBe(objects)
  })

  test('the right fence from another session is refused', async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world, 'holder'))
    const other = await aSession(world, 'other')
    await expect(
      heartbeat(world, { foldId: lease.foldId, fence: lease.fence, sessionId: other, ...beat }),
    ).rejects.toMatchObject({
      code: 'lease-lost',
    })
  })

  test('a lease grants its own objects and no others', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
    const own = [lease.dataset.manifest.digest, ...lease.dataset.shards.map((shard) => shard.digest)]
    expect(await grantFoldDownloads(world, { ...proof, digests: own })).toHaveLength(own.length)
    const foreign = await world.blobs.write(new TextEncoder().encode('of another project'))
    await expect(grantFoldDownloads(world, { ...proof, digests: [foreign.digest] })).rejects.toMatchObject({
      code: 'forbidden',
    })
  })
})

describe('nothing is lost (I2)', () => {
  test('offers that the queue lost are made again', async () => {
    const experiment = await anExperiment(world)
    world.queue.waiting.length = 0
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = now() - interval '1 hour'`)
    expect(await reconcile(world)).toBe(experiment.folds.length)
    expect(world.queue.waiting).toHaveLength(experiment.folds.length)
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = now() - interval '1 hour'`)
    expect(await reconcile(world)).toBe(0)
  })

  test('a hand-over goes on from the newest checkpoint and costs no retry', async () => {
    await anExperiment(world, { folds: { count: 2, only: [1] } })
    const first = await aSession(world, 'first')
    const lease = await aLease(world, first)
    const proof = { foldId: lease.foldId, fence: lease.fence, sessionId: first }
    await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 7) })
    await handOverFold(world, { ...proof, step: 7 })
    const next = await aLease(world, await aSession(world, 'second'))
    expect(next).toMatchObject({
      foldId: lease.foldId,
      attempt: 2,
      checkpoint: { manifest: { position: { step: 7 } } },
    })
    const { items: attempts } = await world.store.folds.attempts(lease.foldId, { limit: 10 })
    expect(attempts.map(({ status, startStep, endStep }) => ({ status, startStep, endStep }))).toEqual([
      { status: 'handed_over', startStep: 0, endStep: 7 },
      { status: 'running', startStep: 7, endStep: null },
    ])
  })

  test('nothing expires until API and coordinator have been back for a lease time', async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world))
    await outliveLease(world, lease.foldId)
    await runSql(
      world.databaseUrl,
      `UPDATE presence SET up_since = now() - interval '30 seconds' WHERE service = 'api'`,
    )
    expect(await expireLeases(world)).toBe(0)
    await runSql(
      world.databaseUrl,
      `UPDATE presence SET up_since = now() - interval '61 seconds' WHERE service = 'api'`,
    )
    expect(await expireLeases(world)).toBe(1)
  })

  test('a service that was silent starts its presence anew', async () => {
    await world.store.presence.touch('api', 15)
    await runSql(
      world.databaseUrl,
      `UPDATE presence SET up_since = now() - interval '1 hour', last_seen_at = now() - interval '16 seconds'`,
    )
    await world.store.presence.touch('api', 15)
    expect(await world.store.presence.steady(['api'], 60, 15)).toBe(false)
    expect(await world.store.presence.steady(['api'], 0, 15)).toBe(true)
  })

  test('a holder whose lease ran out goes on while nobody took the fold', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    await runSql(world.databaseUrl, `UPDATE fold SET lease_expires_at = now() - interval '1 hour'`)
    await heartbeat(world, { foldId: lease.foldId, fence: lease.fence, sessionId, ...beat })
    await outliveLease(world, '00000000-0000-0000-0000-000000000000')
    expect(await expireLeases(world)).toBe(0)
  })
})

describe('checkpoints (I3)', () => {
  test('one whose objects are not all there is refused', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const manifest = await aCheckpoint(world, lease, 3)
    world.blobs.objects.delete(manifest.files[0]!.digest)
    await expect(
      recordCheckpoint(world, { foldId: lease.foldId, fence: lease.fence, sessionId, manifest }),
    ).rejects.toMatchObject({ code: 'blob-missing', facts: { digests: [manifest.files[0]!.digest] } })
  })

  test('an older one that arrives late does not replace a newer one; the same one twice is one', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
    const newer = await aCheckpoint(world, lease, 9)
    const once = await recordCheckpoint(world, { ...proof, manifest: newer })
    expect(await recordCheckpoint(world, { ...proof, manifest: newer })).toEqual(once)
    await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, 4) })
    expect((await world.store.folds.get(lease.foldId))!.checkpointStep).toBe(9)
  })

  test('retention keeps the newest two of a fold and every object they share', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
    const shared = await world.blobs.write(new TextEncoder().encode('frozen body'))
    const digests: string[] = []
    for (const step of [1, 2, 3]) {
      const manifest = await aCheckpoint(world, lease, step)
      const files = [...manifest.files, { name: 'best' as const, ...shared }]
      digests.push((await recordCheckpoint(world, { ...proof, manifest: { ...manifest, files } })).digest)
    }
    expect(await retireCheckpoints(world)).toBe(1)
    expect(world.blobs.objects.has(digests[0]!)).toBe(false)
    expect(digests.slice(1).every((digest) => world.blobs.objects.has(digest))).toBe(true)
    expect(world.blobs.objects.has(shared.digest)).toBe(true)
  })
})

describe('failures', () => {
  test('user code fails once and for all unless the spec allows retries', async () => {
    await anExperiment(world, { retries: { userCode: 1 }, folds: { count: 2, only: [0] } })
    const failure: Failure = { code: 'user-code-failed', detail: 'TypeError', lastLines: ['boom'], step: 3 }
    for (const expected of ['retrying', 'given-up']) {
      await runSql(world.databaseUrl, `UPDATE fold SET not_before = now(), offered_at = NULL`)
      await reconcile(world)
      const sessionId = await aSession(world)
      const lease = await aLease(world, sessionId)
      const { outcome } = await failFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, failure })
      expect(outcome).toBe(expected)
    }
  })

  test('three deaths at one step poison a fold; deaths at different steps do not', async () => {
    const { version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const die = async (step: number) => {
      await runSql(world.databaseUrl, `UPDATE fold SET not_before = now(), offered_at = NULL`)
      await reconcile(world)
      const sessionId = await aSession(world)
      const lease = await aLease(world, sessionId)
      return failFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, failure: { ...crash, step } })
    }
    expect([await die(4), await die(8), await die(8)].map(({ outcome }) => outcome)).toEqual([
      'retrying',
      'retrying',
      'retrying',
    ])
    expect((await die(8)).outcome).toBe('given-up')
    const experiment = await getExperiment(world, { project: 'emoji', version })
    expect(experiment.folds[0]!.failure).toMatchObject({ code: 'fold-poisoned' })
  })

  test('an experiment with a failed fold fails, once its other folds are final', async () => {
    const { id, version } = await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const failure: Failure = { code: 'loss-not-finite', detail: 'NaN at step 3', lastLines: [], step: 3 }
    await failFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, failure })
    await assembleExperiment(world, { experimentId: id })
    expect((await getExperiment(world, { project: 'emoji', version })).status).toBe('running')
    await finishFold(sessionId)
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, { project: 'emoji', version })).toMatchObject({
      status: 'failed',
      failure: { code: 'loss-not-finite' },
    })
  })
})

describe('heartbeats', () => {
  test('metrics and lines sent twice are stored once', async () => {
    await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const batch = {
      foldId: lease.foldId,
      fence: lease.fence,
      sessionId,
      ...beat,
      metrics: [1, 2].map((seq) => ({ seq, step: seq, name: 'loss', value: 1 / seq })),
      logs: [{ seq: 1, level: 'info' as const, text: "it's on" }],
    }
    await heartbeat(world, batch)
    await heartbeat(world, batch)
    expect((await world.store.metrics.list(lease.foldId, { name: 'loss', limit: 10 })).items).toEqual([
      { step: 1, name: 'loss', value: 1, attempt: 1 },
      { step: 2, name: 'loss', value: 0.5, attempt: 1 },
    ])
    expect((await world.store.logs.list([lease.foldId], { order: 'oldest', limit: 10 })).items).toMatchObject([
      { text: "it's on", attempt: 1 },
    ])
  })

  test('it carries drain and cancel', async () => {
    const { version } = await anExperiment(world)
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const send = () => heartbeat(world, { foldId: lease.foldId, fence: lease.fence, sessionId, ...beat })
    expect((await send()).command).toBeNull()
    await world.store.sessions.setStatus(sessionId, 'draining')
    expect((await send()).command).toBe('drain')
    await cancelExperiment(world, { project: 'emoji', version })
    expect((await send()).command).toBe('cancel')
    await handOverFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 2 })
    const { folds } = await getExperiment(world, { project: 'emoji', version })
    expect(folds.map((fold) => fold.status)).toEqual(['cancelled', 'cancelled'])
  })
})

describe('assembling (I7)', () => {
  test('scores come from stored predictions; doing it twice at once writes one row and one event', async () => {
    const { id, version } = await anExperiment(world)
    const sessionId = await aSession(world)
    await finishFold(sessionId)
    await assembleExperiment(world, { experimentId: id })
    await finishFold(sessionId)
    await Promise.all([1, 2, 3].map(() => assembleExperiment(world, { experimentId: id })))
    const experiment = await getExperiment(world, { project: 'emoji', version })
    expect(experiment).toMatchObject({ status: 'completed', cv: 1, cvMean: 1, cvStd: 0 })
    const fields = 'cv,foldMin,foldMax,attempts,foldsCompleted'
    expect((await listLeaderboard(world, { project: 'emoji', fields, limit: 10 })).items).toEqual([
      { rank: 1, version, cv: 1, foldMin: 1, foldMax: 1, attempts: 2, foldsCompleted: 2 },
    ])
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 100 })
    const count = (kind: string) => events.filter((event) => event.payload.kind === kind).length
    expect([count('fold-completed'), count('experiment-completed')]).toEqual([2, 1])
  })

  test('predictions that lack a sample fail their fold, whatever its worker says', async () => {
    const { id, version } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const junk = await world.blobs.write(new TextEncoder().encode('not safetensors'))
    const result = { oof: junk, test: null, weights: junk }
    await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
    await assembleExperiment(world, { experimentId: id })
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, { project: 'emoji', version })).toMatchObject({
      status: 'failed',
      failure: { code: 'predictions-incomplete' },
    })
  })
})
