import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLog } from '@baton/log'
import { exitCodeOf, runSession } from '@baton/worker'
import type { SessionOptions, SessionSummary } from '@baton/worker'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { digestOf, startFakeApi } from '../support/fake-api.ts'
import type { FakeApi, FakeCall, FakeFold } from '../support/fake-api.ts'
import type { Script } from '../support/scripted-train.ts'
import { sessionSettings } from '../support/session-settings.ts'

const trainEntry = new URL('../support/scripted-train.ts', import.meta.url)
const workerProcess = new URL('../support/worker-process.ts', import.meta.url)

let api: FakeApi
let cacheDir: string
let lines: Record<string, unknown>[]
let heard: Set<() => void>
let processes: ChildProcess[]

beforeEach(async () => {
  api = await startFakeApi()
  cacheDir = mkdtempSync(path.join(tmpdir(), 'baton-worker-'))
  lines = []
  heard = new Set()
  processes = []
})

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') process.stderr.write(`${lines.map((l) => JSON.stringify(l)).join('\n')}\n`)
  for (const process of processes) process.kill('SIGKILL')
  await api.close()
  // Whatever a test did, these hold.
  expect(api.refusals).toEqual([])
  const secrets = [...api.sessions.map(({ token }) => token), 'enrolment-', 'X-Amz-Signature=']
  for (const secret of secrets) expect(JSON.stringify(lines).replaceAll('=[secret]', '')).not.toContain(secret)
  const work = path.join(cacheDir, 'work')
  expect(existsSync(work) ? readdirSync(work) : []).toEqual([])
  rmSync(cacheDir, { recursive: true })
})

/** A session in this process; it ends once nothing is left to do. */
function startSession(options: Partial<SessionOptions> = {}) {
  const stop = new AbortController()
  const hurry = new AbortController()
  const destination = {
    write(line: string) {
      lines.push(JSON.parse(line) as Record<string, unknown>)
      heard.forEach((look) => look())
    },
  }
  const log = createLog({ app: 'worker', level: 'debug', destination })
  const ended = runSession({ ...settings(), ...options, trainEntry, log, stop: stop.signal, hurry: hurry.signal })
  return { ended, stop: () => stop.abort(), hurry: () => hurry.abort() }
}

function settings() {
  return { ...sessionSettings(api), cacheDir, marginSeconds: 1, minLeaseSeconds: 0.2 }
}

/** A session that is stopped once a checkpoint of the fold is there. @returns How it ended */
async function stopAtCheckpoint(fold: FakeFold) {
  const session = startSession()
  await api.until(() => fold.checkpointSteps.length > 0)
  session.stop()
  return session.ended
}

/** What this one has cached, the next session does not find. */
function moveToAnotherMachine(): void {
  rmSync(path.join(cacheDir, 'blobs'), { recursive: true })
}

function addFold(script: Script, options: Parameters<FakeApi['addFold']>[0] = {}): FakeFold {
  return api.addFold({ ...options, spec: { name: JSON.stringify(script), ...options.spec } })
}

const callsOf = (name: FakeCall['name']) => api.calls.filter((call) => call.name === name)
const endsOf = (summary: SessionSummary) => summary.folds.map(({ end }) => end.kind)
const says = (fold: FakeFold, line: string) => [...fold.logs.values()].some(({ text }) => text === line)
const logged = (message: string) => lines.filter(({ msg }) => msg === message)

/** Resolves once a line was logged so often. */
function untilLogged(message: string, times = 1): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (logged(message).length >= times) resolve()
    }
    heard.add(look)
    look()
  })
}

/** The weights of a training that nothing interrupted. */
function digestOfWeights(fold: FakeFold, steps: number): string {
  let weights = digestOf(Buffer.from(JSON.stringify(fold.spec)))
  for (let step = 0; step < steps; step++) weights = createHash('sha256').update(`${weights} ${step}`).digest('hex')
  return digestOf(Buffer.from(weights))
}

function expectCompleted(fold: FakeFold): void {
  expect(fold).toMatchObject({ failure: null, status: 'completed' })
  const { steps } = JSON.parse(fold.spec.name) as Script
  expect(fold.result?.weights.digest).toBe(digestOfWeights(fold, steps))
}

test('a fold is trained to its end and delivered with its metrics and log lines, each once', async () => {
  const fold = addFold({ steps: 30 })
  const summary = await startSession().ended
  expect(summary).toMatchObject({ reason: 'idle', folds: [{ foldId: fold.id, end: { kind: 'completed', step: 30 } }] })
  expect(exitCodeOf(summary)).toBe(0)
  expectCompleted(fold)
  expect([...fold.metrics.values()].map(({ seq, step }) => [seq, step])).toEqual(
    Array.from({ length: 30 }, (_, i) => [i + 1, i]),
  )
  expect(says(fold, 'training from step 0')).toBe(true)
  expect(fold.progress?.step).toBe(30)
  expect(api.sessions[0]).toMatchObject({ status: 'ended', registration: { name: 'test', pools: ['default'] } })
})

test('a session hands over before its time is up, and the next one loses no step', async () => {
  const fold = addFold({ steps: 400 })
  const first = await startSession({ secondsLeft: 2.5 }).ended
  expect(first.reason).toBe('deadline')
  expect(endsOf(first)).toEqual(['handed-over'])
  expect(exitCodeOf(first)).toBe(0)
  const handedOverAt = first.folds[0]!.end.step
  expect(handedOverAt).toBeGreaterThan(0)
  expect(fold.checkpoint?.manifest.position.step).toBe(handedOverAt)

  const second = await startSession().ended
  expect(endsOf(second)).toEqual(['completed'])
  expect(says(fold, `training from step ${handedOverAt}`)).toBe(true)
  expect(fold.attempts).toEqual(['handed_over', 'completed'])
  expectCompleted(fold)
})

test("a session that does not know its time keeps to its provider's, of which some went before", async () => {
  await api.close()
  api = await startFakeApi({ sessionSeconds: 100 })
  const fold = addFold({ steps: 10 })
  const summary = await startSession({ spentSeconds: 98.9 }).ended
  expect(summary).toMatchObject({ reason: 'deadline', folds: [] })
  expect(fold.status).toBe('ready')
})

test('too little time for a lease is a goodbye, not a lease', async () => {
  const fold = addFold({ steps: 10 })
  const summary = await startSession({ secondsLeft: 1.1 }).ended
  expect(summary).toMatchObject({ reason: 'deadline', folds: [] })
  expect(fold.status).toBe('ready')
  expect(api.sessions[0]?.status).toBe('ended')
})

test('a stop hands over at the step the training stands at', async () => {
  const fold = addFold({ steps: 100_000 })
  const summary = await stopAtCheckpoint(fold)
  expect(summary.reason).toBe('signal')
  expect(endsOf(summary)).toEqual(['handed-over'])
  expect(fold.checkpoint?.manifest.position.step).toBe(fold.progress?.step)
  expect(fold.attempts).toEqual(['handed_over'])
})

test('a stop is heard while the API is away, before there is a session', async () => {
  await api.goAway()
  const session = startSession()
  await untilLogged('register session failed, trying again', 2)
  session.stop()
  expect(await session.ended).toEqual({ sessionId: null, reason: 'signal', folds: [] })
})

test('a stop is heard while data is still being pulled', async () => {
  const fold = addFold({ steps: 10 })
  api.fail({ on: 'GET', times: Infinity, how: 500 })
  const session = startSession()
  await api.until(() => callsOf('GET').length > 1)
  session.stop()
  expect(endsOf(await session.ended)).toEqual(['handed-over'])
  expect(fold.attempts).toEqual(['handed_over'])
})

test('a second stop gives up on a training that does not answer, and still hands over', async () => {
  const fold = addFold({ steps: 100_000, saveEvery: 5, trouble: { at: 7, how: 'deaf' } })
  const session = startSession()
  await api.until(() => says(fold, 'trouble ahead') && fold.checkpointSteps.length > 0)
  session.stop()
  session.hurry()
  const summary = await session.ended
  expect(endsOf(summary)).toEqual(['handed-over'])
  expect(summary.folds[0]?.end.step).toBe(5)
  expect(fold.attempts).toEqual(['handed_over'])
})

test('a drained session hands over and takes no further lease', async () => {
  const fold = addFold({ steps: 100_000 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  api.sessions[0]!.status = 'draining'
  const summary = await session.ended
  expect(summary.reason).toBe('drain')
  expect(endsOf(summary)).toEqual(['handed-over'])
})

test('a cancelled fold is stopped and given back, and the session goes on', async () => {
  const fold = addFold({ steps: 100_000 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  const next = addFold({ steps: 10 })
  fold.cancelAsked = true
  expect(endsOf(await session.ended)).toEqual(['cancelled', 'completed'])
  expect(fold.status).toBe('cancelled')
  expectCompleted(next)
})

test('a paused fold is handed over at the step it stands at, the session goes on, and resumed it loses no step', async () => {
  const fold = addFold({ steps: 200 })
  const session = startSession()
  await api.until(() => fold.checkpointSteps.length > 0)
  const next = addFold({ steps: 10 })
  fold.pauseAsked = true
  const summary = await session.ended
  expect(endsOf(summary)).toEqual(['handed-over', 'completed'])
  expect(summary.reason).toBe('idle')
  const pausedAt = summary.folds[0]!.end.step
  expect(fold).toMatchObject({ status: 'paused', checkpoint: { manifest: { position: { step: pausedAt } } } })
  expectCompleted(next)

  Object.assign(fold, { pauseAsked: false, status: 'ready' })
  expect(endsOf(await startSession().ended)).toEqual(['completed'])
  expect(says(fold, `training from step ${pausedAt}`)).toBe(true)
  expectCompleted(fold)
})

test('a pause is heard while data is still being pulled', async () => {
  const fold = addFold({ steps: 10 })
  api.fail({ on: 'GET', times: Infinity, how: 500 })
  const session = startSession()
  await api.until(() => callsOf('GET').length > 1)
  fold.pauseAsked = true
  const summary = await session.ended
  expect(summary).toMatchObject({ reason: 'idle', folds: [{ end: { kind: 'handed-over', step: 0 } }] })
  expect(fold.status).toBe('paused')
})

test('a pause that is said again while the fold is being handed over changes nothing', async () => {
  const fold = addFold({ steps: 100_000 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  api.fail({ on: 'handOverFold', times: 2, how: 503 })
  fold.pauseAsked = true
  expect(endsOf(await session.ended)).toEqual(['handed-over'])
  expect(fold.attempts).toEqual(['handed_over'])
})

test('a checkpoint that is asked for is committed while the training goes on', async () => {
  const fold = addFold({ steps: 100_000, saveEvery: 100_000 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  fold.command = 'checkpoint'
  await api.until(() => fold.checkpointSteps.length === 1)
  session.stop()
  await session.ended
  expect(fold.checkpointSteps.length).toBe(2)
})

test.each([
  ['exit', 'trainer-crashed', 'the training process exited with code 9', 'trouble ahead'],
  ['kill', 'trainer-crashed', 'the training process was ended by SIGKILL', 'trouble ahead'],
  ['throw', 'trainer-crashed', 'the training process exited with code 1', 'Error: a bug of the training'],
  ['user-code', 'user-code-failed', 'model.ts: x is not a function', 'trouble ahead'],
  ['nonsense', 'trainer-crashed', 'not a message', 'trouble ahead'],
] as const)('a training that ends by %s is reported as %s', async (how, code, detail, lastLine) => {
  const fold = addFold({ steps: 100, saveEvery: 5, trouble: { at: 7, how } })
  const summary = await startSession().ended
  expect(summary.folds[0]?.end).toMatchObject({ kind: 'failed', code, isRetried: false, step: 7 })
  expect(fold.failure).toMatchObject({ code, step: 7 })
  expect(fold.failure?.detail).toContain(detail)
  expect(fold.failure?.lastLines.join('\n')).toContain(lastLine)
  // What was saved before is not lost with it.
  expect(fold.checkpointSteps).toEqual([5])
})

const gpuOf = (fold: FakeFold) =>
  [...fold.logs.values()].map(({ text }) => /^sees GPU (.+)$/.exec(text)?.[1]).find((gpu) => gpu !== undefined)

test('with two GPUs a session trains two folds at once, each on a GPU of its own, and hands both over', async () => {
  const folds = [addFold({ steps: 100_000 }), addFold({ steps: 100_000 })]
  const session = startSession({ gpus: ['0', '1'] })
  await api.until(() => folds.every((fold) => gpuOf(fold) !== undefined && (fold.progress?.step ?? 0) > 3))
  expect(folds.map(gpuOf)).toEqual(['0', '1'])
  expect(callsOf('acquireLease').at(-1)?.body).toMatchObject({ holding: [folds[0]!.id] })
  session.stop()
  const summary = await session.ended
  expect(summary.reason).toBe('signal')
  expect(endsOf(summary)).toEqual(['handed-over', 'handed-over'])
  for (const fold of folds) expect(fold.checkpoint?.manifest.position.step).toBe(fold.progress?.step)
})

test('a GPU on which fold after fold fails takes no more; the other goes on', async () => {
  const long = addFold({ steps: 100_000 })
  const session = startSession({ gpus: ['0', '1'] })
  await api.until(() => gpuOf(long) !== undefined)
  const failing = addFold({ steps: 20, trouble: { at: 0, how: 'exit' } })
  // Told to try again, so that it is the session's fault.
  failing.retries = 3
  await api.until(() => failing.attempts.length === 3)
  failing.status = 'paused'
  const next = addFold({ steps: 20 })
  long.cancelAsked = true
  const summary = await session.ended
  expect(failing.attempts).toEqual(['failed', 'failed', 'failed'])
  expect(gpuOf(failing)).toBe('1')
  expect(gpuOf(next)).toBe('0')
  expect(summary.reason).toBe('idle')
  expectCompleted(next)
})

test('a session in which fold after fold fails says that it is unfit', async () => {
  const fold = addFold({ steps: 100, trouble: { at: 3, how: 'exit' } })
  fold.retries = 10
  const summary = await startSession().ended
  expect(summary.reason).toBe('unfit')
  expect(fold.attempts).toEqual(['failed', 'failed', 'failed'])
  expect(exitCodeOf(summary)).toBe(5)
})

test('an API that is away for a while costs nothing', async () => {
  const fold = addFold({ steps: 300, saveEvery: 50 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  await api.goAway()
  await untilLogged('heartbeat failed', 3)
  await api.comeBack()
  expect(endsOf(await session.ended)).toEqual(['completed'])
  expectCompleted(fold)
  expect(fold.attempts).toEqual(['completed'])
  expect([...fold.metrics.keys()]).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
})

test('a checkpoint that cannot be delivered before the time is up stays on disk', async () => {
  const fold = addFold({ steps: 100_000, saveEvery: 100_000 })
  const session = startSession({ secondsLeft: 3 })
  await api.until(() => fold.progress !== null)
  await api.goAway()
  const summary = await session.ended
  const end = summary.folds[0]!.end as { kind: string; keptAt: string }
  expect(end.kind).toBe('unreported')
  expect(exitCodeOf(summary)).toBe(4)
  expect(readdirSync(end.keptAt)).toEqual(['optimizer', 'weights'])
})

test('a session whose fold another one took stops at once, changes nothing, and goes on', async () => {
  const fold = addFold({ steps: 100_000 })
  const session = startSession()
  await api.until(() => fold.checkpointSteps.length > 0)
  const next = addFold({ steps: 10 })
  const committed = fold.checkpointSteps.length
  api.takeOver(fold)
  expect(endsOf(await session.ended)).toEqual(['lease-lost', 'completed'])
  expect(fold.checkpointSteps.length).toBe(committed)
  expect(fold.attempts).toEqual(['lost'])
  expectCompleted(next)
})

test('a session that the API does not know any more ends', async () => {
  const fold = addFold({ steps: 100_000 })
  const session = startSession()
  await api.until(() => fold.progress !== null)
  api.sessions[0]!.status = 'ended'
  const summary = await session.ended
  expect(summary.reason).toBe('unknown')
  expect(endsOf(summary)).toEqual(['session-lost'])
  expect(exitCodeOf(summary)).toBe(3)
})

test('an enrolment token works once', async () => {
  const enrolmentToken = api.issueEnrolment()
  expect(await startSession({ enrolmentToken }).ended).toMatchObject({ reason: 'idle' })
  expect(await startSession({ enrolmentToken }).ended).toMatchObject({ reason: 'unknown', sessionId: null })
})

interface Beat {
  readonly metrics: unknown[]
  readonly logs: unknown[]
}

test('a batch whose answer was lost is sent again unchanged', async () => {
  const fold = addFold({ steps: 60 })
  const session = startSession()
  await api.until(() => callsOf('heartbeat').length > 1)
  api.fail({ on: 'heartbeat', times: 2, how: 'deaf' })
  await session.ended
  const batches = callsOf('heartbeat').map(({ status, body }) => ({ status, ...(body as Beat) }))
  const first = batches.findIndex(({ status }) => status === 0)
  for (const again of batches.slice(first + 1, first + 3)) {
    expect(again.metrics).toEqual(batches[first]!.metrics)
    expect(again.logs).toEqual(batches[first]!.logs)
  }
  expect([...fold.metrics.keys()]).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  expectCompleted(fold)
})

test('a batch that the API will never take is dropped, and the lease is renewed all the same', async () => {
  const fold = addFold({ steps: 60 })
  api.fail({ on: 'heartbeat', times: 1, how: 400, when: (body) => (body as Beat).metrics.length > 0 })
  expect(endsOf(await startSession().ended)).toEqual(['completed'])
  expect(logged('batch refused and dropped').length).toBe(1)
  expectCompleted(fold)
})

test('an upload that fails is tried again, and what has not changed is sent once', async () => {
  api.fail({ on: 'PUT', times: 1, how: 'cut' })
  api.fail({ on: 'PUT', times: 1, how: 503 })
  api.fail({ on: 'PUT', times: 1, how: 403 })
  api.fail({ on: 'recordCheckpoint', times: 1, how: 502 })
  const fold = addFold({ steps: 40 })
  await startSession().ended
  expectCompleted(fold)
  expect(fold.checkpointSteps).toContain(30)
  const sent = callsOf('PUT').filter(({ status }) => status === 200)
  expect(new Set(sent.map(({ digest }) => digest)).size).toBe(sent.length)
})

test('a completion whose answers are proxy errors is told until it is heard', async () => {
  // A tunnel with nobody behind it says 404.
  api.fail({ on: 'completeFold', times: 1, how: 502 })
  api.fail({ on: 'completeFold', times: 1, how: 404 })
  const fold = addFold({ steps: 5 })
  expect(endsOf(await startSession().ended)).toEqual(['completed'])
  expectCompleted(fold)
})

test('a heartbeat that finds the fold ended before the answer came does not make it a lost one', async () => {
  api.fail({ on: 'completeFold', times: 1, how: 'late' })
  const fold = addFold({ steps: 5 })
  expect(endsOf(await startSession().ended)).toEqual(['completed'])
  expectCompleted(fold)
})

/** More than one range, and its last one short. */
const bigShard = Buffer.alloc(20 * 2 ** 20 + 123, 'baton')

test('a download that is cut goes on from its last byte', async () => {
  const shard = api.addBlob(bigShard)
  const fold = addFold({ steps: 5 }, { shards: [shard] })
  api.fail({ on: 'GET', times: 2, how: 'cut' })
  await startSession().ended
  expectCompleted(fold)
  const starts = callsOf('GET').map(({ range }) => Number(/=(\d+)/.exec(range!)![1]))
  expect(starts.some((start) => start % (8 * 2 ** 20) !== 0)).toBe(true)
})

test('an address that expired is asked for again', async () => {
  const fold = addFold({ steps: 5 })
  api.fail({ on: 'GET', times: 1, how: 500 })
  const session = startSession()
  await api.until(() => callsOf('GET').length > 0)
  api.expireAddresses()
  await session.ended
  expectCompleted(fold)
  expect(callsOf('createFoldDownloads').length).toBeGreaterThan(1)
})

test('data of another digest than its name is refused, after a second try', async () => {
  const shard = api.addBlob(Buffer.from('the shard'))
  const fold = addFold({ steps: 5 }, { shards: [shard] })
  const blobs = api.blobs as Map<string, Uint8Array>
  blobs.set(shard.digest, Buffer.from('not shard'))
  await startSession().ended
  expect(fold.failure).toMatchObject({ code: 'digest-mismatch' })
  expect(callsOf('GET').filter(({ digest }) => digest === shard.digest).length).toBe(2)
  expect(readdirSync(path.join(cacheDir, 'blobs'))).not.toContain(shard.digest)
})

test('a checkpoint of another digest than its name is corrupt', async () => {
  const fold = addFold({ steps: 100_000 })
  await stopAtCheckpoint(fold)
  const blobs = api.blobs as Map<string, Uint8Array>
  const { digest, sizeBytes } = fold.checkpoint!.manifest.files[0]!
  blobs.set(digest, Buffer.alloc(sizeBytes))
  moveToAnotherMachine()
  await startSession().ended
  expect(fold.failure).toMatchObject({ code: 'checkpoint-corrupt' })
})

test('a checkpoint that is not in storage any more is corrupt', async () => {
  const fold = addFold({ steps: 100_000 })
  await stopAtCheckpoint(fold)
  const blobs = api.blobs as Map<string, Uint8Array>
  blobs.delete(fold.checkpoint!.manifest.files[0]!.digest)
  moveToAnotherMachine()
  await startSession().ended
  expect(fold.failure).toMatchObject({ code: 'checkpoint-corrupt' })
})

test('a session pulls nothing of a checkpoint that was sent from its machine', async () => {
  const fold = addFold({ steps: 100 })
  await stopAtCheckpoint(fold)
  const pulled = callsOf('GET').length
  await startSession().ended
  expectCompleted(fold)
  expect(callsOf('GET').length).toBe(pulled)
  // Of a fold that is completed nobody will resume anything.
  const cached = readdirSync(path.join(cacheDir, 'blobs'))
  for (const { digest } of fold.checkpoint!.manifest.files) expect(cached).not.toContain(digest)
})

test('a cached checkpoint that was damaged is pulled again', async () => {
  const fold = addFold({ steps: 100 })
  await stopAtCheckpoint(fold)
  const { digest, sizeBytes } = fold.checkpoint!.manifest.files[0]!
  writeFileSync(path.join(cacheDir, 'blobs', digest), Buffer.alloc(sizeBytes))
  await startSession().ended
  expectCompleted(fold)
  expect(callsOf('GET').filter((call) => call.digest === digest).length).toBe(1)
  expect(fold.attempts).toEqual(['handed_over', 'completed'])
})

test('a missing object is a failure that names it', async () => {
  const shard = api.addBlob(Buffer.from('the shard'))
  const fold = addFold({ steps: 5 }, { shards: [shard] })
  const blobs = api.blobs as Map<string, Uint8Array>
  blobs.delete(shard.digest)
  await startSession().ended
  expect(fold.failure).toMatchObject({ code: 'blob-missing' })
})

test('the second fold pulls nothing that the first one did', async () => {
  const shards = [api.addBlob(bigShard)]
  addFold({ steps: 5 }, { shards })
  await startSession().ended
  const pulled = callsOf('GET').length
  expect(pulled).toBeGreaterThan(0)
  const second = addFold({ steps: 5 }, { shards })
  await startSession().ended
  expectCompleted(second)
  expect(callsOf('GET').length).toBe(pulled)
  expect(callsOf('createFoldDownloads').length).toBe(1)
})

test('sessions side by side share a cache', async () => {
  const shards = [api.addBlob(bigShard)]
  const folds = [addFold({ steps: 20 }, { shards }), addFold({ steps: 20 }, { shards })]
  await Promise.all([startSession().ended, startSession().ended])
  for (const fold of folds) expectCompleted(fold)
  expect(readdirSync(path.join(cacheDir, 'parts'))).toEqual([])
})

test('a cache that is too small still serves the fold at hand', async () => {
  const fold = addFold({ steps: 5 }, { shards: [api.addBlob(bigShard)] })
  await startSession({ cacheBytes: 1 }).ended
  expectCompleted(fold)
  expect(readdirSync(path.join(cacheDir, 'blobs'))).toEqual([])
})

/** A session in a process of its own. */
function startProcess(options: Partial<SessionOptions> = {}): ChildProcess {
  const argument = JSON.stringify({ ...settings(), ...options })
  const child = fork(fileURLToPath(workerProcess), [argument], {
    env: { ...process.env, BATON_ENROLMENT_TOKEN: 'enrolment-of-the-notebook' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  processes.push(child)
  return child
}

test('what a killed session had pulled is not pulled again, nor what had arrived of a large object', async () => {
  const small = Array.from({ length: 40 }, (_, i) => api.addBlob(Buffer.from(`small ${i}`)))
  const big = api.addBlob(bigShard)
  const arrivedBytes = 16 * 2 ** 20
  const isOfBigsEnd = ({ digest, range }: { digest: string; range: string }) =>
    digest === big.digest && Number(/=(\d+)/.exec(range)![1]) >= arrivedBytes
  let isAway = true
  api.fail({
    on: 'GET',
    times: Infinity,
    how: 500,
    when: (call) => isAway && isOfBigsEnd(call as { digest: string; range: string }),
  })
  const fold = addFold({ steps: 5 }, { shards: [big, ...small] })
  const worker = startProcess()
  const parts = () => readdirSync(path.join(cacheDir, 'parts')).map((name) => path.join(cacheDir, 'parts', name))
  await vi.waitFor(
    () => {
      expect(readdirSync(path.join(cacheDir, 'blobs'))).toEqual(
        expect.arrayContaining(small.map(({ digest }) => digest)),
      )
      expect(parts().map((file) => statSync(file).size)).toEqual([arrivedBytes])
    },
    { timeout: 20_000, interval: 20 },
  )
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  rmSync(path.join(cacheDir, 'work'), { recursive: true })
  isAway = false
  const before = callsOf('GET').length
  api.takeOver(fold)
  fold.status = 'ready'
  await startSession().ended
  expectCompleted(fold)
  expect(callsOf('GET').slice(before)).toEqual([
    expect.objectContaining({ digest: big.digest, range: `bytes=${arrivedBytes}-${big.sizeBytes - 1}` }),
  ])
})

/** Process id of the training that works on a fold; it prints it. */
async function trainingPid(fold: FakeFold): Promise<number> {
  const pidOf = () => [...fold.logs.values()].map(({ text }) => /^pid (\d+)$/.exec(text)?.[1]).find(Boolean)
  await api.until(() => pidOf() !== undefined)
  return Number(pidOf())
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('SIGTERM to the whole process group hands over', async () => {
  const fold = addFold({ steps: 100_000 })
  const worker = startProcess()
  const pid = await trainingPid(fold)
  const summary = once(worker, 'message')
  process.kill(pid, 'SIGTERM')
  worker.kill('SIGTERM')
  expect((await summary)[0]).toMatchObject({ reason: 'signal', folds: [{ end: { kind: 'handed-over' } }] })
  expect(fold.attempts).toEqual(['handed_over'])
  expect(isAlive(pid)).toBe(false)
})

test.each([
  ['between its steps', { steps: 100_000 }],
  ['in a call that never returns', { steps: 100_000, saveEvery: 5, trouble: { at: 7, how: 'deaf' } }],
] as [string, Script][])('a training dies with its supervisor, even %s', async (_, script) => {
  const fold = addFold(script)
  const worker = startProcess()
  const pid = await trainingPid(fold)
  if (script.trouble) await api.until(() => says(fold, 'trouble ahead'))
  expect(isAlive(pid)).toBe(true)
  worker.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 20_000, interval: 50 })
  // Its folder is left to whoever tidies up a day later.
  for (const name of readdirSync(path.join(cacheDir, 'work')))
    rmSync(path.join(cacheDir, 'work', name), { recursive: true })
})

test('the training finds no token in its environment', async () => {
  const fold = addFold({ steps: 100_000 })
  startProcess()
  const pid = await trainingPid(fold)
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
  expect(environment).toContain('PATH=')
  expect(environment).not.toMatch(/BATON_|enrolment|session-/)
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toMatch(/enrolment|session-/)
  processes[0]!.kill('SIGTERM')
  await once(processes[0]!, 'exit')
})
