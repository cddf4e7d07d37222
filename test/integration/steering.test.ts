import {
  acquireLease,
  assembleExperiment,
  cancelExperiment,
  completeFold,
  dispatchOutbox,
  expireLeases,
  failFold,
  getExperiment,
  getFold,
  handOverFold,
  heartbeat,
  pauseExperiment,
  prioritiseFold,
  reconcile,
  recordCheckpoint,
  resumeExperiment,
  retryFold,
  stopSession,
} from '@baton/core'
import type { LeaseProof } from '@baton/core'
import { isAppError } from '@baton/contracts'
import type { CheckpointManifest, Failure, FoldResult, Lease } from '@baton/contracts'
import { integer, streamKey } from '@baton/random'
import { aCheckpoint, aLease, anExperiment, aResult, aSession, createWorld, outliveLease, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

/*
 * What people do to an experiment while sessions work on it and the coordinator sweeps: two transactions at a time, the
 * first with its work done and not committed while the second meets its locks, and then many at once.
 */

let world: World
let at: { project: string; version: number }
let experimentId: string
/** The session that works on fold 0, and one that is idle. */
let lease: Lease
let proof: LeaseProof
let idle: string
let manifest: CheckpointManifest
let result: FoldResult

beforeEach(async () => {
  world = await createWorld()
  const experiment = await anExperiment(world)
  at = { project: 'emoji', version: experiment.version }
  experimentId = experiment.id
  const sessionId = await aSession(world, 'busy')
  lease = await aLease(world, sessionId)
  proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
  idle = await aSession(world, 'idle')
  manifest = await aCheckpoint(world, lease, 7)
  result = await aResult(world, lease)
})
afterEach(() => world.close())

const beat = { progress: null, secondsLeft: null, metrics: [], logs: [] }
const nan: Failure = { code: 'loss-not-finite', detail: 'NaN', lastLines: [], step: 9 }

type Act = (world: World) => Promise<unknown>

const acts = {
  pause: (w: World) => pauseExperiment(w, at),
  resume: (w: World) => resumeExperiment(w, at),
  cancel: (w: World) => cancelExperiment(w, at),
  lease: (w: World) => acquireLease({ ...w, offers: w.queue.offers }, { sessionId: idle, waitMs: 0 }),
  handOver: (w: World) => handOverFold(w, { ...proof, step: 7 }),
  complete: (w: World) => completeFold(w, { ...proof, step: 20, result }),
  giveUp: (w: World) => failFold(w, { ...proof, failure: nan }),
  beat: (w: World) => heartbeat(w, { ...proof, ...beat }),
  checkpoint: (w: World) => recordCheckpoint(w, { ...proof, manifest }),
  retry: (w: World) => retryFold(w, { foldId: lease.foldId, fromStart: false }),
  stopBusy: (w: World) => stopSession(w, { sessionId: proof.sessionId }),
  stopIdle: (w: World) => stopSession(w, { sessionId: idle }),
  prioritise: (w: World) => prioritiseFold({ ...w, offers: w.queue.offers }, { foldId: lease.foldId, priority: 9 }),
  expire: (w: World) => expireLeases(w),
  assemble: (w: World) => assembleExperiment(w, { experimentId }),
} satisfies Record<string, Act>
type ActName = keyof typeof acts

/**
 * The first act with its work done, but not committed, until the second waits for what it holds. Returns how each ended: its
 * problem's code, or null.
 *
 * @param of Which of the first act's transactions is the one that is held, 1-based.
 */
async function interleave(first: ActName, second: ActName, of = 1): Promise<[string | null, string | null]> {
  let hasWorked!: () => void
  let mayCommit!: () => void
  const worked = new Promise<void>((resolve) => (hasWorked = resolve))
  const committing = new Promise<void>((resolve) => (mayCommit = resolve))
  let transactions = 0
  const transaction: World['store']['transaction'] = (work) => {
    if (++transactions !== of) return world.store.transaction(work)
    return world.store.transaction(async (tables) => {
      const done = await work(tables)
      hasWorked()
      await committing
      return done
    })
  }
  const held = outcomeOf(acts[first]({ ...world, store: { ...world.store, transaction } }))
  await Promise.race([worked, held])
  const met = outcomeOf(acts[second](world))
  await someoneWaits()
  mayCommit()
  return Promise.all([held, met])
}

async function outcomeOf(acting: Promise<unknown>): Promise<string | null> {
  return acting.then(
    () => null,
    (error: unknown) => {
      if (isAppError(error)) return error.code
      throw error
    },
  )
}

async function someoneWaits(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await vi.waitFor(async () => expect(await runSql(world.databaseUrl, waiting)).not.toEqual([]), { timeout: 20_000 })
}

/** What must never be, whoever does what when: each query finds nothing. */
const unsound = {
  'a fold is leased without exactly one running attempt of its fence, or one runs without a lease': `
    SELECT f.index, f.status, a.running FROM fold f, LATERAL (
      SELECT count(*) AS running, count(*) FILTER (WHERE fence = f.fence) AS right FROM attempt
      WHERE fold_id = f.id AND status = 'running') a
    WHERE a.running <> (f.status = 'leased')::int OR a.right <> a.running`,
  'a fold that is not leased has a session, or is still asked to pause': `
    SELECT index, status FROM fold WHERE status <> 'leased' AND (session_id IS NOT NULL OR pause_asked)`,
  'a session holds two folds': `
    SELECT session_id FROM fold WHERE status = 'leased' GROUP BY session_id HAVING count(*) > 1`,
  'an ended session holds a fold': `
    SELECT f.index FROM fold f JOIN session s ON s.id = f.session_id WHERE s.status = 'ended'`,
  'a fold of a paused experiment is ready, or leased and not asked to pause': `
    SELECT f.index, f.status FROM fold f JOIN experiment e ON e.id = f.experiment_id
    WHERE e.status = 'paused' AND (f.status = 'ready' OR (f.status = 'leased' AND NOT f.pause_asked))`,
  'a fold is paused, or asked to pause, though its experiment is not paused': `
    SELECT f.index, f.status FROM fold f JOIN experiment e ON e.id = f.experiment_id
    WHERE e.status NOT IN ('paused', 'cancelled') AND (f.status = 'paused' OR f.pause_asked)`,
  'a fold of a final experiment is open, unless it is leased and asked to stop': `
    SELECT f.index, f.status FROM fold f JOIN experiment e ON e.id = f.experiment_id
    WHERE e.status IN ('completed', 'failed', 'cancelled') AND f.status NOT IN ('completed', 'failed', 'cancelled')
      AND NOT (e.status = 'cancelled' AND f.status = 'leased' AND f.cancel_asked)`,
  'a fold is open though its experiment is being assembled': `
    SELECT f.index, f.status FROM fold f JOIN experiment e ON e.id = f.experiment_id
    WHERE e.status = 'assembling' AND f.status IN ('ready', 'leased', 'paused')`,
} as const

async function expectSound(): Promise<void> {
  for (const [what, sql] of Object.entries(unsound)) expect(await runSql(world.databaseUrl, sql), what).toEqual([])
}

/** Trains whatever may be leased until nothing may, as sessions that never fail do. */
async function trainAll(): Promise<void> {
  for (;;) {
    await dispatchOutbox(world)
    const sessionId = await aSession(world, 'finisher')
    const { lease: next } = await acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 })
    if (next === null) return
    const done = { foldId: next.foldId, fence: next.fence, sessionId, step: 20, result: await aResult(world, next) }
    await completeFold(world, done)
  }
}

const statuses = async () => (await getExperiment(world, at)).folds.map(({ status }) => status).join(' ')

/** Fold 0 is leased, fold 1 is ready and its offer waits, unless what is done before changes that. */
const pairs: {
  before?: ActName[]
  first: ActName
  of?: number
  second: ActName
  ends: [string | null, string | null]
  folds: string
}[] = [
  // Who waits sees what was done, and never what was before it.
  { first: 'lease', second: 'pause', ends: [null, null], folds: 'leased leased' },
  { first: 'pause', second: 'lease', ends: [null, null], folds: 'leased paused' },
  { first: 'lease', second: 'cancel', ends: [null, null], folds: 'leased leased' },
  { first: 'cancel', second: 'lease', ends: [null, null], folds: 'leased cancelled' },
  { first: 'handOver', second: 'pause', ends: [null, null], folds: 'paused paused' },
  { first: 'pause', second: 'handOver', ends: [null, null], folds: 'paused paused' },
  { first: 'handOver', second: 'cancel', ends: [null, null], folds: 'cancelled cancelled' },
  { first: 'cancel', second: 'handOver', ends: [null, null], folds: 'cancelled cancelled' },
  { before: ['pause'], first: 'handOver', second: 'resume', ends: [null, null], folds: 'ready ready' },
  { before: ['pause'], first: 'resume', second: 'handOver', ends: [null, null], folds: 'ready ready' },
  { before: ['pause'], first: 'resume', second: 'pause', ends: [null, null], folds: 'leased paused' },
  { before: ['pause'], first: 'cancel', second: 'resume', ends: [null, 'conflict'], folds: 'leased cancelled' },
  { first: 'complete', second: 'pause', ends: [null, null], folds: 'completed paused' },
  { first: 'pause', second: 'complete', ends: [null, null], folds: 'completed paused' },
  { first: 'giveUp', second: 'pause', ends: [null, null], folds: 'failed paused' },
  { first: 'pause', second: 'giveUp', ends: [null, null], folds: 'failed paused' },
  { first: 'pause', second: 'checkpoint', ends: [null, null], folds: 'leased paused' },
  // A fold is opened by a retry, and by nothing else, while somebody closes all.
  { before: ['giveUp'], first: 'retry', second: 'cancel', ends: [null, null], folds: 'cancelled cancelled' },
  { before: ['giveUp'], first: 'cancel', second: 'retry', ends: [null, 'conflict'], folds: 'failed cancelled' },
  { before: ['giveUp'], first: 'retry', second: 'pause', ends: [null, null], folds: 'paused paused' },
  { before: ['giveUp'], first: 'pause', second: 'retry', ends: [null, null], folds: 'paused paused' },
  { before: ['giveUp'], first: 'retry', second: 'retry', ends: [null, 'conflict'], folds: 'ready ready' },
  { before: ['giveUp', 'pause'], first: 'retry', second: 'resume', ends: [null, null], folds: 'ready ready' },
  { before: ['giveUp', 'pause'], first: 'resume', second: 'retry', ends: [null, null], folds: 'ready ready' },
  // A session that is stopped.
  { first: 'lease', second: 'stopIdle', ends: [null, null], folds: 'leased ready' },
  { first: 'stopIdle', second: 'lease', ends: [null, 'conflict'], folds: 'leased ready' },
  { first: 'checkpoint', of: 2, second: 'stopBusy', ends: [null, null], folds: 'ready ready' },
  { first: 'stopBusy', second: 'handOver', ends: [null, 'lease-lost'], folds: 'ready ready' },
  { first: 'handOver', second: 'stopBusy', ends: [null, null], folds: 'ready ready' },
  { first: 'stopBusy', second: 'complete', ends: [null, 'lease-lost'], folds: 'ready ready' },
  { first: 'complete', second: 'stopBusy', ends: [null, null], folds: 'completed ready' },
  { first: 'stopBusy', second: 'pause', ends: [null, null], folds: 'paused paused' },
  { first: 'pause', second: 'stopBusy', ends: [null, null], folds: 'paused paused' },
  { first: 'stopBusy', second: 'beat', ends: [null, 'lease-lost'], folds: 'ready ready' },
  { first: 'stopBusy', second: 'stopBusy', ends: [null, null], folds: 'ready ready' },
  // Priorities.
  { first: 'prioritise', second: 'handOver', ends: [null, null], folds: 'ready ready' },
  { first: 'handOver', second: 'prioritise', ends: [null, null], folds: 'ready ready' },
]

describe('of two at once', () => {
  test.each(pairs)(
    '$first and then $second after $before: $ends, $folds',
    async ({ before = [], first, of, second, ends, folds }) => {
      for (const name of before) await acts[name](world)
      expect(await interleave(first, second, of)).toEqual(ends)
      expect(await statuses()).toBe(folds)
      await expectSound()
    },
  )

  test('a lease that ran out is ended, and its fold waits with the others of its paused experiment', async () => {
    await outliveLease(world, lease.foldId)
    expect(await interleave('expire', 'pause')).toEqual([null, null])
    expect(await statuses()).toBe('paused paused')
    await expectSound()
  })

  test('a heartbeat that meets a pause brings it back', async () => {
    expect(await interleave('pause', 'beat')).toEqual([null, null])
    expect(await acts.beat(world)).toMatchObject({ command: 'pause' })
  })

  test('the last fold is completed rather than paused, and the experiment with it', async () => {
    await acts.lease(world).then(async (answer) => {
      const other = answer.lease!
      const done = { foldId: other.foldId, fence: other.fence, sessionId: idle, step: 20 }
      await completeFold(world, { ...done, result: await aResult(world, other) })
    })
    expect(await interleave('complete', 'pause')).toEqual([null, 'conflict'])
    await acts.assemble(world)
    expect((await getExperiment(world, at)).status).toBe('completed')
  })
})

describe('a checkpoint that is being committed', () => {
  test('counts when its session is stopped after it', async () => {
    await interleave('checkpoint', 'stopBusy', 2)
    expect((await getFold(world, lease.foldId)).checkpointStep).toBe(7)
  })

  test('is refused when its session is stopped in its midst, and nothing is written', async () => {
    const write = world.blobs.write.bind(world.blobs)
    // After the first look at the fence, before the second.
    world.blobs.write = async (bytes) => {
      await stopSession(world, { sessionId: proof.sessionId })
      return write(bytes)
    }
    expect(await outcomeOf(acts.checkpoint(world))).toBe('lease-lost')
    expect(await runSql(world.databaseUrl, `SELECT 1 FROM checkpoint`)).toEqual([])
    expect(await getFold(world, lease.foldId)).toMatchObject({ status: 'ready', checkpointStep: null })
  })
})

describe('a fold that is retried while its experiment is assembled', () => {
  beforeEach(async () => {
    await acts.giveUp(world)
    await trainAll()
  })

  /** Assembles, and retries the failed fold at the n-th read of an object. */
  async function assembleRetryingAt(nth: number): Promise<number> {
    const read = world.blobs.read.bind(world.blobs)
    let reads = 0
    world.blobs.read = async (digest, limits) => {
      if (++reads === nth) await acts.retry(world)
      return read(digest, limits)
    }
    await acts.assemble(world)
    world.blobs.read = read
    return reads
  }

  test.each([1, 2, 3])('keeps the experiment open, and completes it in the end (at read %i)', async (nth) => {
    expect(await assembleRetryingAt(nth)).toBeGreaterThanOrEqual(nth)
    expect(await getExperiment(world, at)).toMatchObject({ status: 'running', failure: null })
    expect(await statuses()).toBe('ready completed')
    await expectSound()
    await trainAll()
    await acts.assemble(world)
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1 })
  })

  test.each([
    ['it is said to be assembled', 1],
    ['a score is written', 2],
    ['it is failed', 3],
  ])('opens the experiment again when just then %s', async (_, of) => {
    expect(await interleave('assemble', 'retry', of)).toEqual([null, null])
    expect(await getExperiment(world, at)).toMatchObject({ status: 'running', failure: null })
    expect(await statuses()).toBe('ready completed')
    await expectSound()
  })
})

/** Whole numbers below a bound, the same ones for the same names. */
function dice(...names: (string | number)[]): (bound: number) => number {
  const key = streamKey(...names)
  let thrown = 0
  return (bound) => integer(key, thrown++, bound)
}

/** A session that obeys, and does what may happen to it meanwhile; stopped, it comes back as another. */
async function work(name: string, roll: (bound: number) => number): Promise<void> {
  let sessionId = await aSession(world, name)
  for (let turn = 0; turn < 6; turn++) {
    await dispatchOutbox(world)
    const answer = await allowing(acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 }))
    if (answer === 'conflict') sessionId = await aSession(world, name)
    if (answer === null || typeof answer === 'string' || answer.lease === null) continue
    const { foldId, fence } = answer.lease
    const own = { foldId, fence, sessionId }
    const step = 1 + roll(9)
    await allowing(recordCheckpoint(world, { ...own, manifest: await aCheckpoint(world, answer.lease, step) }))
    const told = await allowing(heartbeat(world, { ...own, ...beat }))
    if (typeof told !== 'string' && told.command !== null) {
      await allowing(handOverFold(world, { ...own, step }))
      continue
    }
    const ending = roll(6)
    if (ending === 0) await outliveLease(world, foldId)
    else if (ending === 1) await allowing(failFold(world, { ...own, failure: nan }))
    else if (ending === 2) await allowing(failFold(world, { ...own, failure: { ...nan, code: 'storage-unavailable' } }))
    else if (ending === 3)
      await allowing(completeFold(world, { ...own, step: 20, result: await aResult(world, answer.lease) }))
    else await allowing(handOverFold(world, { ...own, step }))
  }
}

async function steer(roll: (bound: number) => number): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    const { folds } = await getExperiment(world, at)
    const fold = folds[roll(folds.length)]!
    const verbs: (() => Promise<unknown>)[] = [
      () => pauseExperiment(world, at),
      () => resumeExperiment(world, at),
      () => resumeExperiment(world, at),
      () => retryFold(world, { foldId: fold.id, fromStart: roll(2) === 0 }),
      () => prioritiseFold({ ...world, offers: world.queue.offers }, { foldId: fold.id, priority: roll(5) }),
      async () => fold.sessionId && stopSession(world, { sessionId: fold.sessionId }),
    ]
    await allowing(verbs[roll(verbs.length)]!())
  }
}

async function sweep(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await expireLeases(world)
    await reconcile(world)
    await dispatchOutbox(world)
    await assembleExperiment(world, { experimentId })
  }
}

/** What it answers, or the code of a refusal that says that somebody was faster. Anything else is a fault of ours. */
async function allowing<T>(acting: Promise<T>): Promise<T | 'lease-lost' | 'conflict'> {
  try {
    return await acting
  } catch (error) {
    if (isAppError(error) && (error.code === 'lease-lost' || error.code === 'conflict')) return error.code
    throw error
  }
}

describe('a storm of everything at once', () => {
  test.each([1, 2, 3])('loses no fold, breaks no promise and ends in a whole experiment (seed %i)', async (seed) => {
    await acts.cancel(world)
    const { id, version } = await anExperiment(world, { folds: { count: 4 } })
    experimentId = id
    at = { project: 'emoji', version }
    await Promise.all([
      ...[0, 1, 2].map((number) => work(`worker ${number}`, dice(seed, 'worker', number))),
      ...[0, 1].map((number) => steer(dice(seed, 'person', number))),
      sweep(),
    ])
    await expectSound()

    // What it left is resumed, retried, taken from sessions that are gone, and trained to the end.
    await allowing(resumeExperiment(world, at))
    for (const { id: foldId, status } of (await getExperiment(world, at)).folds)
      if (status === 'failed') await retryFold(world, { foldId, fromStart: false })
      else if (status === 'leased') await outliveLease(world, foldId)
    await expireLeases(world)
    world.queue.waiting.length = 0
    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now(), offered_at = now() - interval '1 hour'`)
    await reconcile(world)
    await trainAll()
    await acts.assemble(world)
    await expectSound()
    expect(await getExperiment(world, at)).toMatchObject({ status: 'completed', cv: 1 })
  })
})
