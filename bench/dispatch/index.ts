import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../figure.ts'
import type { Benchmark, Figure, Goal, Run } from '../figure.ts'
import { dispatched, insertDataset, insertHeldFolds } from './fill.ts'
import type { HeldFold } from './fill.ts'
import { atRate, createLoad, expectStatus } from './load.ts'
import type { Answer, Call } from './load.ts'
import { hasRedis, startServices } from './services.ts'
import type { QueueKind, Services } from './services.ts'

const project = 'bench'
const posts = 150
const leases = 100
const acceptSeconds = 4
const beatSeconds = 8
const sessions = 10_000
/** A session beats every 15 s; a little above what that makes of them all. */
const beatsPerSecond = 720

/** From an accepted experiment to a session at work, and what 10,000 sessions say meanwhile. */
export const dispatch: Benchmark = {
  summary: 'accepting experiments, handing folds to sessions, heartbeats',
  repetitions: 3,
  run: async (run) => {
    const figures = await measure('PostgreSQL', run)
    if (!hasRedis()) {
      run.say('no redis-server here: the Redis queue is not measured')
      return figures
    }
    return [...figures, ...(await measure('Redis', run))]
  },
}

interface Bench extends Services {
  readonly send: (call: Call) => Promise<Answer>
}

async function measure(queue: QueueKind, { repetitions, say }: Run): Promise<Figure[]> {
  const isPostgres = queue === 'PostgreSQL'
  say(`${queue} queue: starting`)
  const services = await startServices(queue)
  const load = createLoad(services.url)
  const bench = { ...services, send: load.send }
  const values = new Map<string, { unit: Figure['unit']; goal: Goal; values: number[] }>()
  const add = (name: string, value: number, unit: Figure['unit'], goal: Goal) => {
    const figure = values.get(name) ?? { unit, goal, values: [] }
    figure.values.push(value)
    values.set(name, figure)
  }
  try {
    await post(bench, '/v1/projects', { slug: project, name: 'Bench' }, 201)
    await insertDataset(services.databaseUrl, project)
    await warmUp(bench)
    const held = isPostgres ? await holdFolds(bench, say) : []
    for (let repetition = 1; repetition <= repetitions; repetition++) {
      say(`${queue} queue: repetition ${repetition} of ${repetitions}`)
      const toLease = await inOrder(leases, () => postToLease(bench))
      const [p50, p99] = isPostgres ? [20, 80] : [15, 60]
      add(`POST to lease, ${queue} queue, p50`, at(toLease, 0.5), 'ms', { atMost: p50 })
      add(`POST to lease, ${queue} queue, p99`, at(toLease, 0.99), 'ms', { atMost: p99 })
      if (!isPostgres) continue
      const to201 = await inOrder(posts, async () => (await createExperiment(bench, 'unserved')).ms)
      add('POST (10 folds) to 201, p50', at(to201, 0.5), 'ms', { atMost: 15 })
      add('POST (10 folds) to 201, p99', at(to201, 0.99), 'ms', { atMost: 60 })
      add('experiments of 10 folds accepted', await acceptedPerSecond(bench), 'per s', { atLeast: 50 })
      const beats = await atRate(beatsPerSecond, beatSeconds, (index) =>
        beat(bench, held[(index + repetition * beatsPerSecond * beatSeconds) % held.length]!, repetition),
      )
      add('heartbeats with metrics and logs', beats.perSecond, 'per s', { atLeast: 700 })
      add('heartbeat, p99', at(beats.latencies, 0.99), 'ms', { atMost: 250 })
    }
    return [...values].map(([name, figure]) => ({ name, ...figure }))
  } finally {
    load.close()
    await services.close()
  }
}

const at = (values: readonly number[], q: number) =>
  quantile(
    values.toSorted((a, b) => a - b),
    q,
  )

async function inOrder(count: number, measureOne: () => Promise<number>): Promise<number[]> {
  const values: number[] = []
  for (let i = 0; i < count; i++) values.push(await measureOne())
  return values
}

/** What compiles and connects on first use is no part of what is measured. */
async function warmUp(bench: Bench): Promise<void> {
  await inOrder(50, async () => (await createExperiment(bench, 'unserved')).ms)
  await inOrder(20, () => postToLease(bench))
}

function post({ send, ownerToken }: Bench, path: string, body: unknown, status: number): Promise<Answer> {
  return expectStatus(send({ method: 'POST', path, token: ownerToken, body }), status)
}

function createExperiment(bench: Bench, pool: string, folds: object = { count: 10 }): Promise<Answer> {
  const spec = {
    name: 'bench',
    dataset: 'bench',
    pool,
    folds,
    model: { name: 'convnet' },
    image: { size: 32 },
    stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.001 } }],
  }
  return post(bench, `/v1/projects/${project}/experiments`, spec, 201)
}

interface Worker {
  readonly id: string
  readonly token: string
}

async function enrol(bench: Bench, pool: string): Promise<Worker> {
  const { body } = await post(bench, '/v1/enrolments', {}, 201)
  const registration = { name: 'bench', provider: 'local', pools: [pool] }
  const { token } = body as { token: string }
  const call = { method: 'POST', path: '/v1/sessions', token, body: registration } as const
  return (await expectStatus(bench.send(call), 201)).body as Worker
}

interface Leased {
  readonly lease: { foldId: string; fence: number; version: number }
}

/** From the POST of an experiment to the answer that gives its fold to a session that was waiting. */
async function postToLease(bench: Bench): Promise<number> {
  const session = await enrol(bench, 'served')
  const path = `/v1/sessions/${session.id}/leases`
  const waiting = expectStatus(
    bench.send({ method: 'POST', path, token: session.token, body: { waitSeconds: 30 } }),
    200,
  )
  // Until it really waits.
  await delay(40)
  const startedMs = performance.now()
  const created = createExperiment(bench, 'served', { count: 10, only: [0] })
  const { lease } = (await waiting).body as Leased
  const ms = performance.now() - startedMs
  await created
  await post(bench, `/v1/projects/${project}/experiments/${lease.version}/cancel`, {}, 200)
  const over = { method: 'POST', path: `/v1/folds/${lease.foldId}/hand-over`, token: session.token } as const
  await expectStatus(bench.send({ ...over, body: { fence: lease.fence, step: 0 } }), 204)
  return ms
}

/** Accepted, and in the queue: answers do not wait for that, so it is waited for here. */
async function acceptedPerSecond(bench: Bench): Promise<number> {
  const endMs = performance.now() + acceptSeconds * 1000
  let accepted = 0
  const client = async () => {
    while (performance.now() < endMs) {
      await createExperiment(bench, 'unserved')
      accepted++
    }
  }
  const startedMs = performance.now()
  await Promise.all(Array.from({ length: 8 }, client))
  await dispatched(bench.databaseUrl)
  return (accepted * 1000) / (performance.now() - startedMs)
}

/** Sessions that each hold a fold: one that came by it over REST, and its copies. */
async function holdFolds(bench: Bench, say: Run['say']): Promise<HeldFold[]> {
  say(`inserting ${sessions.toLocaleString('en')} sessions at work`)
  const session = await enrol(bench, 'copied')
  await createExperiment(bench, 'copied')
  const path = `/v1/sessions/${session.id}/leases`
  const call = { method: 'POST', path, token: session.token, body: { waitSeconds: 30 } } as const
  const { lease } = (await expectStatus(bench.send(call), 200)).body as Leased
  return insertHeldFolds(bench.databaseUrl, lease.foldId, sessions)
}

/** What a training says in 15 seconds: a loss and a rate for each of five logged steps, and two lines. */
function beat(bench: Bench, { foldId, token }: HeldFold, repetition: number): Promise<Answer> {
  const step = repetition * 50
  const seq = repetition * 10
  const body = {
    fence: 1,
    secondsLeft: 20_000,
    progress: {
      step,
      totalSteps: 10_000,
      epoch: 1,
      stage: 'all',
      loss: 0.5,
      lr: 0.001,
      imagesPerSecond: 310.5,
      etaSeconds: 900,
    },
    metrics: Array.from({ length: 10 }, (_, i) => ({
      seq: seq + i,
      step: step + Math.floor(i / 2) * 10,
      name: i % 2 === 0 ? 'loss' : 'lr',
      value: 0.5 / (step + i),
    })),
    logs: [
      { seq: 2 * repetition, level: 'info', text: `step ${step} of 10000, loss 0.5000, 310 images a second` },
      { seq: 2 * repetition + 1, level: 'info', text: `checkpoint at step ${step} committed` },
    ],
  }
  const call = { method: 'POST', path: `/v1/folds/${foldId}/heartbeat`, token, body } as const
  return expectStatus(bench.send(call), 200)
}
