import { ExperimentSpec } from '@baton/contracts'
import type { Lease } from '@baton/contracts'
import {
  acquireLease,
  createDatasetVersion,
  createExperiment,
  dispatchOutbox,
  grantFoldDownloads,
  grantFoldUploads,
  handOverFold,
  heartbeat,
  reconcile,
  recordCheckpoint,
} from '@baton/core'
import type { Caller } from '@baton/core'
import { aCheckpoint, aLease, aSession, aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

type Project = NonNullable<Caller['project']>

let world: World
let emoji: Project
let other: Project

beforeEach(async () => {
  world = await createWorld()
  emoji = (await world.store.projects.find('emoji'))!
  other = await world.store.projects.insert({ slug: 'other', name: 'Other' })
  const manifest = await world.blobs.write(new TextEncoder().encode(JSON.stringify(world.manifest)))
  await createDatasetVersion(world, { project: 'other', name: 'emoji', manifest: manifest.digest })
})
afterEach(() => world.close())

async function anExperimentOf({ slug }: Project, changes: Record<string, unknown> = {}) {
  const spec = ExperimentSpec.parse(aSpec({ folds: { count: 2, only: [0] }, ...changes }))
  const experiment = await createExperiment(world, { project: slug, spec })
  await dispatchOutbox(world)
  return experiment
}

const acquire = (sessionId: string, waitMs = 0, signal?: AbortSignal) =>
  acquireLease(
    { ...world, offers: world.queue.offers, now: () => performance.now() },
    { sessionId, waitMs, ...(signal ? { signal } : {}) },
  )
const nameOf = (lease: Lease | null) => lease && `${lease.project} ${lease.spec.name}`

describe('a session of one project', () => {
  test('leases folds of that project only, by priority, and takes their offers out of the queue', async () => {
    await anExperimentOf(other, { name: 'first', priority: 9 })
    await anExperimentOf(emoji, { name: 'low' })
    await anExperimentOf(emoji, { name: 'high', priority: 5 })
    const leased: (string | null)[] = []
    for (let i = 0; i < 3; i++) leased.push(nameOf((await acquire(await aSession(world, `s${i}`, emoji))).lease))
    expect(leased).toEqual(['emoji high', 'emoji low', null])
    expect(world.queue.waiting).toHaveLength(1)
    expect(nameOf((await acquire(await aSession(world, 'of all'))).lease)).toBe('other first')
  })

  test('serves its pools in the order it names them, and no other', async () => {
    await anExperimentOf(emoji, { name: 'elsewhere', pool: 'gpu' })
    expect((await acquire(await aSession(world, 'one', emoji))).lease).toBeNull()
    await anExperimentOf(emoji, { name: 'here', pool: 'default' })
    const sessionId = await aSession(world, 'two', emoji)
    await runSql(world.databaseUrl, `UPDATE session SET pools = '{gpu,default}' WHERE id = '${sessionId}'`)
    expect(nameOf((await acquire(sessionId)).lease)).toBe('emoji elsewhere')
  })

  test('that waits gets a fold which becomes ready meanwhile', async () => {
    const waiting = acquire(await aSession(world, 'waiting', emoji), 25_000)
    await anExperimentOf(other)
    await anExperimentOf(emoji, { name: 'late' })
    expect(nameOf((await waiting).lease)).toBe('emoji late')
  })

  test('that hangs up while it waits is let go, and leases nothing', async () => {
    const calling = new AbortController()
    const waiting = acquire(await aSession(world, 'gone', emoji), 25_000, calling.signal)
    calling.abort()
    expect(await waiting).toEqual({ lease: null, command: null })
    await anExperimentOf(emoji)
    expect(await runSql(world.databaseUrl, `SELECT status FROM fold`)).toEqual([{ status: 'ready' }])
  })

  test('races sessions of all projects: no fold is leased twice, and nobody goes without', async () => {
    // Enough for all of them in whatever order they come.
    for (let i = 0; i < 8; i++) {
      await anExperimentOf(emoji)
      await anExperimentOf(other)
    }
    const sessions = await Promise.all(
      [emoji, emoji, emoji, null, null, null, null, null].map((project, i) => aSession(world, `s${i}`, project)),
    )
    const leases = (await Promise.all(sessions.map((session) => acquire(session)))).map(({ lease }) => lease!.foldId)
    expect(new Set(leases).size).toBe(8)
  })

  test('goes on with what it handed over, and one of all may take it as well', async () => {
    await anExperimentOf(emoji)
    const sessionId = await aSession(world, 'one', emoji)
    const { lease } = await acquire(sessionId)
    await handOverFold(world, { foldId: lease!.foldId, fence: lease!.fence, sessionId, step: 0 })
    await runSql(world.databaseUrl, `UPDATE fold SET offered_at = NULL`)
    await reconcile(world)
    expect((await aLease(world, await aSession(world, 'of all'))).fence).toBe(2)
  })

  test('can do nothing to a fold that another session holds, of its project or of another', async () => {
    await anExperimentOf(emoji)
    await anExperimentOf(other)
    const thief = await aSession(world, 'thief', emoji)
    for (const project of [emoji, other]) {
      const lease = (await acquire(await aSession(world, 'holder', project))).lease!
      const proof = { foldId: lease.foldId, fence: lease.fence, sessionId: thief }
      const beat = { ...proof, progress: null, secondsLeft: null, metrics: [], logs: [] }
      const manifest = await aCheckpoint(world, lease, 1)
      for (const attempt of [
        () => heartbeat(world, beat),
        () => grantFoldUploads(world, { ...proof, blobs: [{ digest: 'a'.repeat(64), sizeBytes: 1 }] }),
        () => grantFoldDownloads(world, { ...proof, digests: [world.manifest.shards[0]!.digest] }),
        () => recordCheckpoint(world, { ...proof, manifest }),
        () => handOverFold(world, { ...proof, step: 1 }),
      ])
        await expect(attempt()).rejects.toMatchObject({ code: 'lease-lost' })
    }
  })
})
