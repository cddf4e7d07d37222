import {
  assembleExperiment,
  cancelExperiment,
  completeFold,
  dispatchOutbox,
  getExperiment,
  recordLb,
  retireCheckpoints,
  retryFold,
} from '@baton/core'
import type { Failure, FoldResult, Lease } from '@baton/contracts'
import type { Tables } from '@baton/core'
import { aCheckpoint, aLease, anExperiment, aResult, aSession, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

/** A transaction that did its work and stays open until it is told to commit. */
async function openTransaction(
  work: (tables: Tables) => Promise<unknown>,
  beforeCommit: (tables: Tables) => Promise<unknown> = async () => undefined,
): Promise<{ commit: () => Promise<void> }> {
  let hasWorked!: () => void
  let mayCommit!: () => void
  const worked = new Promise<void>((resolve) => (hasWorked = resolve))
  const committing = new Promise<void>((resolve) => (mayCommit = resolve))
  const ended = world.store.transaction(async (tables) => {
    await work(tables)
    hasWorked()
    await committing
    await beforeCommit(tables)
  })
  await Promise.race([worked, ended])
  return {
    commit: () => {
      mayCommit()
      return ended
    },
  }
}

/** Returns once somebody waits for a lock. */
async function someoneWaits(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await vi.waitFor(async () => expect(await runSql(world.databaseUrl, waiting)).toHaveLength(1), { timeout: 20_000 })
}

describe('a lock that had to be waited for', () => {
  test('shows the checkpoint that was committed meanwhile', async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world))
    const manifest = await aCheckpoint(world, lease, 9)
    const committing = await openTransaction(async (tables) => {
      const fold = (await tables.folds.lock(lease.foldId))!
      await tables.folds.appendCheckpoint(fold, { digest: 'a'.repeat(64), sizeBytes: 1, manifest })
    })
    const waiting = world.store.transaction((tables) => tables.folds.lock(lease.foldId))
    await someoneWaits()
    await committing.commit()
    expect((await waiting)!.checkpoint).toMatchObject({ step: 9 })
  })
})

describe('a checkpoint of before a retry from the beginning', () => {
  test('stays when the new attempt makes the same just as it is retired', async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world))
    const manifest = await aCheckpoint(world, lease, 9)
    const commit = async (tables: Tables) => {
      const fold = (await tables.folds.lock(lease.foldId))!
      await tables.folds.appendCheckpoint(fold, { digest: 'a'.repeat(64), sizeBytes: 1, manifest })
    }
    await world.store.transaction(commit)
    await runSql(world.databaseUrl, `UPDATE fold SET checkpoint_id = NULL`)
    const committing = await openTransaction(commit)
    const retiring = retireCheckpoints(world)
    await someoneWaits()
    await committing.commit()
    await retiring
    const fold = await world.store.transaction((tables) => tables.folds.lock(lease.foldId))
    expect(fold!.checkpoint).toMatchObject({ step: 9 })
  })
})

describe('an experiment that several sessions work on', () => {
  test('lets one hand over while another leases, whichever of its rows each comes to first', async () => {
    const { id: experimentId } = await anExperiment(world)
    const [first, second] = [await aSession(world), await aSession(world)]
    const { foldId } = await aLease(world, first)
    const handingOver = await openTransaction(
      async (tables) => {
        await tables.folds.lock(foldId)
        await tables.events.append(experimentId, { kind: 'experiment-paused' })
      },
      async (tables) => {
        const fold = (await tables.folds.lock(foldId))!
        const { failures, lostAtStep, lostInARow } = fold
        const again = { delaySeconds: 0, failures, lostAtStep, lostInARow }
        await tables.folds.release(fold, { to: 'ready', attempt: 'handed_over', endStep: 0, ...again })
      },
    )
    const leasing = aLease(world, second)
    await someoneWaits()
    await Promise.all([handingOver.commit(), leasing])
    expect((await leasing).foldId).not.toBe(foldId)
  })
})

describe('cancelling', () => {
  test('waits for a lease that is being granted, and then asks it to stop', async () => {
    const { id, version } = await anExperiment(world)
    const session = await aSession(world)
    const { foldId } = world.queue.waiting[0]!
    const granting = await openTransaction(
      async (tables) => {
        const fold = (await tables.folds.lock(foldId))!
        await tables.folds.lease(fold, { sessionId: session, leaseSeconds: 60 })
      },
      async (tables) => {
        await tables.experiments.setStatus(id, 'running')
        await tables.events.append(id, { kind: 'fold-leased', fold: 0, attempt: 1, session: 's', step: 0 })
      },
    )
    const cancelling = cancelExperiment(world, { project: 'emoji', version })
    await someoneWaits()
    await Promise.all([granting.commit(), cancelling])
    const experiment = await getExperiment(world, { project: 'emoji', version })
    expect(experiment.status).toBe('cancelled')
    expect(experiment.folds.map((fold) => fold.status).sort()).toEqual(['cancelled', 'leased'])
    expect(await runSql(world.databaseUrl, `SELECT cancel_asked FROM fold WHERE status = 'leased'`)).toEqual([
      { cancel_asked: true },
    ])
  })

  test('a final experiment stays what it is, whatever comes late', async () => {
    const { id, version } = await anExperiment(world)
    await cancelExperiment(world, { project: 'emoji', version })
    await world.store.experiments.setStatus(id, 'running')
    expect((await getExperiment(world, { project: 'emoji', version })).status).toBe('cancelled')
  })
})

describe('the event feed', () => {
  test('a later event never becomes visible before an earlier one', async () => {
    const { id } = await anExperiment(world)
    const event = { kind: 'fold-leased', fold: 0, attempt: 1, session: 's', step: 0 } as const
    const first = await openTransaction((tables) => tables.events.append(id, event))
    const second = world.store.transaction((tables) => tables.events.append(id, { ...event, fold: 1 }))
    await someoneWaits()
    await first.commit()
    await second
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 10 })
    expect(events.flatMap(({ payload }) => (payload.kind === 'fold-leased' ? [payload.fold] : []))).toEqual([0, 1])
  })
})

describe('offers', () => {
  test('are marked without waiting for folds that somebody changes', async () => {
    const { folds } = await anExperiment(world)
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = NULL`)
    const held = await openTransaction((tables) => tables.folds.lock(folds[0]!.id))
    await world.store.folds.markOffered(folds.map((fold) => fold.id))
    const marked = await runSql(world.databaseUrl, `SELECT offered_at IS NOT NULL AS marked FROM fold ORDER BY index`)
    await held.commit()
    expect(marked).toEqual([{ marked: false }, { marked: true }])
  })

  test('of more folds than one pass takes are all looked at in turn', async () => {
    for (let i = 0; i < 3; i++) await anExperiment(world, { priority: i })
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = now() - interval '1 hour'`)
    const seen = new Set<string>()
    for (let pass = 0; pass < 3; pass++) {
      const ids = (await world.store.folds.unoffered(0, 2)).map((fold) => fold.id)
      ids.forEach((id) => seen.add(id))
      await world.store.folds.markOffered(ids)
    }
    expect(seen.size).toBe(6)
  })
})

describe('assembling twice at once', () => {
  test('tells of unusable predictions once', async () => {
    const { id } = await anExperiment(world, { folds: { count: 2, only: [0] } })
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const junk = await world.blobs.write(new TextEncoder().encode('not safetensors'))
    const result = { oof: junk, test: null, weights: junk }
    await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
    await Promise.all([1, 2, 3].map(() => assembleExperiment(world, { experimentId: id })))
    const events = await world.store.events.listByExperiment(id, { after: 0, limit: 100 })
    expect(events.map(({ payload }) => payload.kind).filter((kind) => kind.endsWith('failed'))).toEqual([
      'fold-failed',
      'experiment-failed',
    ])
  })
})

describe('assembling that lags behind', () => {
  /** An experiment of these folds, each completed with what `resultOf` gives. */
  async function aCompleted(only: number[], resultOf: (lease: Lease) => Promise<FoldResult>) {
    const { id, version } = await anExperiment(world, { folds: { count: 2, only } })
    for (const _ of only) await trainNext(resultOf)
    return { id, at: { project: 'emoji', version } }
  }
  async function trainNext(resultOf: (lease: Lease) => Promise<FoldResult> = (lease) => aResult(world, lease)) {
    const sessionId = await aSession(world)
    const lease = await aLease(world, sessionId)
    const { foldId, fence } = lease
    await completeFold(world, { foldId, fence, sessionId, step: 20, result: await resultOf(lease) })
    return foldId
  }
  const junkResult = async () => {
    const junk = await world.blobs.write(new TextEncoder().encode('not safetensors'))
    return { oof: junk, test: null, weights: junk }
  }

  test('does not fail the fold that was retried and finished since for the predictions it had before', async () => {
    const { id, at } = await aCompleted([0], junkResult)
    const { folds } = await getExperiment(world, at)
    let reads = 0
    const slow: typeof world.blobs = {
      ...world.blobs,
      read: async (digest, options) => {
        const bytes = await world.blobs.read(digest, options)
        if (++reads === 2) {
          await assembleExperiment(world, { experimentId: id })
          await retryFold(world, { foldId: folds[0]!.id, fromStart: true })
          await dispatchOutbox(world)
          await trainNext()
        }
        return bytes
      },
    }
    await assembleExperiment({ ...world, blobs: slow }, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({ folds: [{ status: 'completed', attempts: 2 }] })
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1 })
  })

  test('does not fail the experiment for a fold that was retried and finished meanwhile', async () => {
    const { id, at } = await aCompleted([0], junkResult)
    const { folds } = await getExperiment(world, at)
    const store: typeof world.store = {
      ...world.store,
      experiments: {
        ...world.store.experiments,
        find: async (...asked) => {
          const seen = await world.store.experiments.find(...asked)
          await retryFold(world, { foldId: folds[0]!.id, fromStart: true })
          await dispatchOutbox(world)
          await trainNext()
          return seen
        },
      },
    }
    await assembleExperiment({ ...world, store }, { experimentId: id })
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1, failure: null })
  })

  test('does not complete the experiment without a fold that another found unusable', async () => {
    const { id, at } = await aCompleted([0, 1], (lease) => aResult(world, lease))
    const { folds } = await getExperiment(world, at)
    const failure: Failure = { code: 'predictions-incomplete', detail: 'damaged', lastLines: [], step: null }
    const blobs: typeof world.blobs = {
      ...world.blobs,
      write: async (bytes) => {
        await world.store.transaction(async (tables) =>
          tables.folds.fail((await tables.folds.lock(folds[1]!.id))!, failure),
        )
        return world.blobs.write(bytes)
      },
    }
    await assembleExperiment({ ...world, blobs }, { experimentId: id })
    await assembleExperiment(world, { experimentId: id })
    expect(await getExperiment(world, at)).toMatchObject({
      status: 'failed',
      failure: { code: 'predictions-incomplete' },
    })
  })
})

describe('several who write one thing at once', () => {
  const many = <T>(work: (i: number) => Promise<T>) => Promise.all(Array.from({ length: 12 }, (_, i) => work(i)))

  test('record both leaderboard scores', async () => {
    const { version } = await anExperiment(world)
    const at = { project: 'emoji', version, ifMatch: () => undefined }
    await many((i) => recordLb(world, i % 2 === 0 ? { ...at, lbPublic: 0.5 } : { ...at, lbPrivate: 0.25 }))
    expect(await getExperiment(world, at)).toMatchObject({ lbPublic: 0.5, lbPrivate: 0.25 })
  })

  test('append one dataset version a manifest, and one for the same manifest', async () => {
    const { id: projectId } = (await world.store.projects.find('emoji'))!
    const [{ manifest, shards }] = [(await world.store.datasets.find(projectId, 'emoji', null))!]
    const splitFacts = { groups: 0, units: 20, foldSizes: [] }
    const version = {
      projectId,
      dataset: 'many',
      shards,
      samplesTrain: 20,
      samplesTest: 4,
      labelGroups: [],
      splitFacts,
    }
    const same = await many(() => world.store.datasets.append({ ...version, manifest }))
    expect(new Set(same.map((row) => row.version))).toEqual(new Set([1]))
    const digestOf = (i: number) => i.toString(16).repeat(64)
    const different = await many((i) =>
      world.store.datasets.append({ ...version, manifest: { ...manifest, digest: digestOf(i) } }),
    )
    expect(different.map((row) => row.version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 2),
    )
  })

  test('register one bundle', async () => {
    const { id: projectId } = (await world.store.projects.find('emoji'))!
    const bundle = { projectId, digest: 'b'.repeat(64), sizeBytes: 1, files: ['index.js'] }
    await many(() => world.store.bundles.upsert(bundle))
    expect(await world.store.bundles.list(projectId, { limit: 10 })).toMatchObject({ items: [{}] })
  })
})

describe('the outbox', () => {
  test('keeps what the queue refuses, and holds nothing else up', async () => {
    const { id } = await anExperiment(world)
    await world.store.outbox.append([
      { kind: 'fan-out-event', payload: { eventId: 1 } },
      { kind: 'assemble-experiment', payload: { experimentId: id } },
    ])
    const queue = { ...world.queue, fanOut: () => Promise.reject(new Error('refused')) }
    await expect(dispatchOutbox({ ...world, queue })).rejects.toThrow('refused')
    expect(world.queue.assembling).toEqual([id])
    expect(await world.store.outbox.peek(10)).toMatchObject([{ kind: 'fan-out-event' }])
  })
})
