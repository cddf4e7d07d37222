import { setImmediate } from 'node:timers/promises'
import {
  createArtifact,
  createCodeBundle,
  createDatasetVersion,
  failFold,
  recordCheckpoint,
  reconcile,
  retireCheckpoints,
  retireRecords,
} from '@baton/core'
import type { FailOutcome } from '@baton/core'
import type { CheckpointManifest, Lease } from '@baton/contracts'
import { aCheckpoint, aLease, anExperiment, aSession, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World

beforeEach(async () => {
  world = await createWorld()
  await anExperiment(world, { folds: { count: 2, only: [0] } })
})
afterEach(() => world.close())

/** The next attempt at the fold, as if no pause were needed. */
async function nextAttempt() {
  await runSql(world.databaseUrl, `UPDATE fold SET not_before = now(), offered_at = NULL WHERE status = 'ready'`)
  await reconcile(world)
  const sessionId = await aSession(world)
  const lease = await aLease(world, sessionId)
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
  return {
    lease,
    commit: async (step: number, change: Partial<CheckpointManifest> = {}) =>
      recordCheckpoint(world, { ...proof, manifest: { ...(await aCheckpoint(world, lease, step)), ...change } }),
    fail: (code: 'checkpoint-corrupt' | 'trainer-crashed'): Promise<FailOutcome> =>
      failFold(world, { ...proof, failure: { code, detail: 'unreadable', lastLines: [], step: null } }),
  }
}

const stepOf = ({ checkpoint }: Lease) => checkpoint?.manifest.position.step ?? null

describe('a checkpoint that cannot be read', () => {
  test('makes way for the one before it, and that for the beginning; then the fold is given up', async () => {
    const first = await nextAttempt()
    for (const step of [1, 2, 3]) await first.commit(step)
    await retireCheckpoints(world)
    await first.fail('trainer-crashed')
    const resumed: (number | null)[] = []
    const outcomes: string[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      const next = await nextAttempt()
      resumed.push(stepOf(next.lease))
      outcomes.push((await next.fail('checkpoint-corrupt')).outcome)
    }
    expect(resumed).toEqual([3, 2, null, null])
    expect(outcomes).toEqual(['retrying', 'retrying', 'retrying', 'given-up'])
  })

  test('is not one that this attempt has committed itself', async () => {
    const first = await nextAttempt()
    await first.commit(1)
    await first.fail('checkpoint-corrupt')
    expect(stepOf((await nextAttempt()).lease)).toBe(1)
  })

  test('is removed, and the two that can be read are kept', async () => {
    const first = await nextAttempt()
    const digests = [await first.commit(1), await first.commit(2), await first.commit(3)].map(({ digest }) => digest)
    await first.fail('trainer-crashed')
    await (await nextAttempt()).fail('checkpoint-corrupt')
    await retireCheckpoints(world)
    expect(digests.map((digest) => world.blobs.objects.has(digest))).toEqual([true, true, false])
  })

  test('counts as new when a later attempt commits the same again', async () => {
    const first = await nextAttempt()
    for (const step of [1, 2]) await first.commit(step)
    await first.fail('trainer-crashed')
    await (await nextAttempt()).fail('checkpoint-corrupt')
    const again = await nextAttempt()
    expect(stepOf(again.lease)).toBe(1)
    await again.commit(2)
    await again.fail('trainer-crashed')
    expect(stepOf((await nextAttempt()).lease)).toBe(2)
  })
})

describe('retention', () => {
  test('removes all that is surplus, however much it is', async () => {
    const { commit } = await nextAttempt()
    for (let step = 0; step < 130; step++) await commit(step)
    await retireCheckpoints(world)
    expect(await runSql(world.databaseUrl, `SELECT step FROM checkpoint ORDER BY step`)).toEqual([
      { step: 128 },
      { step: 129 },
    ])
  })

  test('never removes what a dataset, bundle or result is made of, whatever a session calls its checkpoint', async () => {
    const { commit, lease } = await nextAttempt()
    const bundle = await world.blobs.write(new TextEncoder().encode('a bundle'))
    const ensemble = await world.blobs.write(new TextEncoder().encode('test predictions'))
    const project = (await world.store.projects.find('emoji'))!
    await world.store.bundles.upsert({ projectId: project.id, ...bundle, files: [] })
    await runSql(
      world.databaseUrl,
      `UPDATE experiment SET test_predictions = '{"digest":"${ensemble.digest}","sizeBytes":16}'`,
    )
    const named = [lease.dataset.manifest, lease.dataset.shards[0]!, bundle, ensemble]
    for (const [step, blob] of named.entries()) await commit(step, { files: [{ name: 'weights', ...blob }] })
    for (const step of [10, 11]) await commit(step)
    expect(await retireCheckpoints(world)).toBe(named.length)
    expect(named.filter(({ digest }) => !world.blobs.objects.has(digest))).toEqual([])
  })
})

describe('an object that goes just when an equal training names it', () => {
  /** Retires checkpoints once it is seen that storage holds what is to be named, as far as it comes by itself. */
  function retireWhenAsked(): { retired: () => Promise<number> } {
    const stat = world.blobs.stat.bind(world.blobs)
    let sweep: Promise<number> | null = null
    world.blobs.stat = async (digest) => {
      const answer = await stat(digest)
      sweep ??= retireCheckpoints(world)
      await Promise.race([sweep, until(isHeldOff)])
      return answer
    }
    return { retired: () => sweep! }
  }

  async function isHeldOff(): Promise<boolean> {
    const waiting = `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`
    return (await runSql(world.databaseUrl, waiting)).length > 0
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await setImmediate()
  }

  /** Two attempts at folds of equal specs; the first one's oldest checkpoint is surplus. */
  async function equalTrainings() {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const [first, second] = [await nextAttempt(), await nextAttempt()]
    for (const step of [1, 2, 3]) await first.commit(step)
    return { second, manifest: await aCheckpoint(world, second.lease, 1) }
  }

  test('stays where a checkpoint names it', async () => {
    const { second, manifest } = await equalTrainings()
    const { retired } = retireWhenAsked()
    const { digest } = await second.commit(1)
    expect(await retired()).toBe(1)
    expect([digest, manifest.files[0]!.digest].map((each) => world.blobs.objects.has(each))).toEqual([true, true])
  })

  test('stays where an artifact names it', async () => {
    const { digest } = (await equalTrainings()).manifest.files[0]!
    const { retired } = retireWhenAsked()
    await createArtifact(world, { project: 'emoji', name: 'kept', digest, kind: 'weights', note: '' })
    expect(await retired()).toBe(1)
    expect(world.blobs.objects.has(digest)).toBe(true)
  })

  test('stays where a code bundle names it', async () => {
    const { digest } = (await equalTrainings()).manifest.files[0]!
    const { retired } = retireWhenAsked()
    await createCodeBundle({ ...world, checkBundle: async () => [] }, { project: 'emoji', digest })
    expect(await retired()).toBe(1)
    expect(world.blobs.objects.has(digest)).toBe(true)
  })

  test('stays where a dataset names it as its manifest or a shard', async () => {
    await anExperiment(world, { folds: { count: 2, only: [0] } })
    const { commit } = await nextAttempt()
    const shard = await world.blobs.write(Buffer.alloc(world.manifest.shards[0]!.sizeBytes, 2))
    const bytes = Buffer.from(JSON.stringify({ ...world.manifest, shards: [shard] }))
    const manifest = await world.blobs.write(bytes)
    const files = [
      { name: 'weights', ...shard },
      { name: 'best', ...manifest },
    ] as const
    await commit(1, { files: [...files] })
    for (const step of [2, 3]) await commit(step)
    const { retired } = retireWhenAsked()
    await createDatasetVersion(world, { project: 'emoji', name: 'other', manifest: manifest.digest })
    expect(await retired()).toBe(1)
    expect([shard, manifest].map(({ digest }) => world.blobs.objects.has(digest))).toEqual([true, true])
  })

  test('is known to have gone by an experiment that takes it', async () => {
    const { manifest } = await equalTrainings()
    const named = manifest.files[0]!.digest
    const gone = 'f'.repeat(64)
    expect(await world.store.transaction(({ experiments }) => experiments.holdObjects([named, gone]))).toEqual([gone])
  })

  test('is missing to a commit that comes after', async () => {
    const { second, manifest } = await equalTrainings()
    const remove = world.blobs.remove.bind(world.blobs)
    const commits: Promise<unknown>[] = []
    world.blobs.remove = async (digests) => {
      commits.push(second.commit(1, manifest).catch((error: unknown) => error))
      await until(isHeldOff)
      await remove(digests)
    }
    expect(await retireCheckpoints(world)).toBe(1)
    expect(await Promise.all(commits)).toMatchObject([{ code: 'blob-missing' }])
  })
})

describe('what trainings said', () => {
  const counts = async () => {
    const rows = await runSql(
      world.databaseUrl,
      `SELECT (SELECT count(*)::int FROM log_line) AS lines, (SELECT count(*)::int FROM metric) AS points`,
    )
    return rows[0]
  }
  const end = (status: string, days: number) =>
    runSql(
      world.databaseUrl,
      `WITH ended AS (UPDATE fold SET status = '${status === 'running' ? 'leased' : status}')
       UPDATE experiment SET status = '${status}', completed_at = now() - interval '${days} days'`,
    )
  beforeEach(async () => {
    const { lease } = await nextAttempt()
    await runSql(
      world.databaseUrl,
      `INSERT INTO log_line (fold_id, fence, seq, level, text) SELECT '${lease.foldId}', 1, n, 'info', 'x' FROM generate_series(1, 12000) n;
       INSERT INTO metric (fold_id, fence, seq, step, name, value) SELECT '${lease.foldId}', 1, n, n, 'loss', 1 FROM generate_series(1, 10) n`,
    )
  })
  const day = 86_400

  test('stays while the experiment runs, however old it is, and for its time after', async () => {
    await end('running', 1000)
    expect(await retireRecords(world, { logSeconds: day, metricSeconds: day })).toBe(0)
    await end('completed', 89)
    expect(await retireRecords(world, { logSeconds: 90 * day, metricSeconds: null })).toBe(0)
    expect(await counts()).toEqual({ lines: 12_000, points: 10 })
  })

  test('goes after that, all of it, and metrics only where a time is set for them', async () => {
    await end('failed', 91)
    expect(await retireRecords(world, { logSeconds: 90 * day, metricSeconds: null })).toBe(12_000)
    expect(await counts()).toEqual({ lines: 0, points: 10 })
    expect(await retireRecords(world, { logSeconds: 90 * day, metricSeconds: 90 * day })).toBe(10)
  })
})

describe('a checkpoint', () => {
  test('without weights, or with a name twice, is not committed', async () => {
    const { commit, lease } = await nextAttempt()
    const [weights] = (await aCheckpoint(world, lease, 1)).files
    for (const files of [[], [weights!, weights!], [{ ...weights!, name: 'best' as const }]])
      await expect(commit(1, { files })).rejects.toMatchObject({ code: 'checkpoint-corrupt' })
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM checkpoint`)).toEqual([])
  })

  test('whose files are not in storage leaves nothing there either', async () => {
    const { commit, lease } = await nextAttempt()
    await aCheckpoint(world, lease, 1)
    const before = world.blobs.objects.size
    const files = [{ name: 'weights' as const, digest: 'f'.repeat(64), sizeBytes: 1 }]
    await expect(commit(1, { files })).rejects.toMatchObject({ code: 'blob-missing' })
    expect(world.blobs.objects.size).toBe(before)
  })
})
