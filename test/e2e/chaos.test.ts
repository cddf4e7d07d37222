import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { allPages, isFinal, parseSpec } from '@baton/contracts'
import type { Attempt, CheckpointManifest, Event, Experiment, LeaderboardRow, StoredMetric } from '@baton/contracts'
import { buildEmojiDataset, readDataset } from '@baton/dataset'
import { integer, permutation, streamKey, uniform } from '@baton/random'
import { runSql } from '@baton/testing'
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest'
import { eventually, startFleet } from '../support/fleet.ts'
import type { Fleet } from '../support/fleet.ts'

/** Another seed kills others, at other moments. */
const seed = process.env.BATON_CHAOS_SEED ?? '1'
const kills = 16
const killsOfEach = 3
const victims = ['session', 'api', 'coordinator', 'postgres'] as const
const sessions = ['left', 'right']

/** Two stages, dropout, augmentation, evaluations: all that an interruption could disturb. About 10 s a fold. */
const spec = parseSpec({
  name: 'chaos',
  dataset: 'emoji',
  seed: 7,
  folds: { count: 3 },
  model: { name: 'convnet', width: 32, blocks: 3, dropout: 0.2 },
  image: { size: 32 },
  augment: [{ op: 'flip' }, { op: 'shift', pixels: 2 }],
  stages: [
    { name: 'head', train: 'head', epochs: 2, batch: 8, schedule: { name: 'constant', lr: 0.003 } },
    { name: 'all', epochs: 40, batch: 8, schedule: { name: 'cosine', lr: 0.005, warmupSteps: 10 }, clipNorm: 5 },
  ],
  evaluate: { everyEpochs: 5, tta: 'flip' },
  checkpoint: { everySeconds: 1 },
})
const metrics = ['train/loss', 'train/grad-norm', 'train/lr', 'validation/score']

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet()
}, 600_000)
afterAll(() => fleet.close())

test('whatever is killed, every fold finishes, once, with the bytes of a training that nothing disturbed', async () => {
  onTestFailed(() => {
    process.stderr.write(`BATON_CHAOS_SEED=${seed}\n${logsOf(fleet)}`)
  })
  await createProjects('calm', 'chaos')

  await start('calm')
  const calmSeconds = await secondsOf(async () => {
    await fleet.startSessions(sessions)
    await finished('calm')
  })
  await fleet.stopSessions()
  const calm = await recordOf('calm')
  expect(calm.folds.map(({ attempts }) => attempts.map(({ status }) => status))).toEqual(
    calm.folds.map(() => ['completed']),
  )

  await start('chaos')
  // As notebooks: they hand over before their end, and others follow.
  await fleet.startSessions(sessions, { BATON_SESSION_SECONDS: String(Math.max(20, calmSeconds)) })
  // Spread over the time that the training takes at least, however fast this machine is.
  await wreak(plan(calmSeconds / kills))
  expect(isFinal((await experimentOf('chaos')).status)).toBe(false)
  await finished('chaos')
  await fleet.stopSessions()
  const chaos = await recordOf('chaos')

  expectSameEnd(chaos, calm)
  expectOneEnd(chaos)
  for (const fold of chaos.folds) expectNoStepLost(fold)
  chaos.folds.forEach((fold, i) => expectSameCurves(fold.curves, calm.folds[i]!.curves))
  await expectWholeCheckpoints(chaos)
  expectNoAlarm(fleet)
  await eventually(async () => expect(await runSql(fleet.databaseUrl, 'SELECT 1 FROM outbox')).toEqual([]))
}, 900_000)

/** The latest lines of each process, through all its lives. */
function logsOf({ processes }: Fleet): string {
  return Array.from(processes, ([name, { lines }]) => [`== ${name}`, ...lines.slice(-60), ''].join('\n')).join('')
}

interface Kill {
  readonly victim: (typeof victims)[number]
  readonly afterSeconds: number
  /** What dies of two, or how. */
  readonly coin: boolean
}

/** Each victim a few times and the rest by chance, in random order, at random moments. */
function plan(meanSeconds: number): Kill[] {
  const draw = (stream: string, i: number, below: number) => integer(streamKey(seed, stream), i, below)
  const chosen = Array.from({ length: kills }, (_, i) =>
    i < killsOfEach * victims.length ? i % victims.length : draw('victim', i, victims.length),
  )
  return Array.from(permutation(streamKey(seed, 'order'), kills), (at, i) => ({
    victim: victims[chosen[at]!]!,
    afterSeconds: 2 * meanSeconds * uniform(streamKey(seed, 'moment'), i),
    coin: draw('coin', i, 2) === 1,
  }))
}

async function wreak(plan: readonly Kill[]): Promise<void> {
  for (const { victim, afterSeconds, coin } of plan) {
    // Not to wait for anything: the moment is what is random.
    await setTimeout(1000 * afterSeconds)
    if (victim === 'postgres') await fleet.killPostgres({ withItsProcess: coin })
    else await fleet.processes.get(victim === 'session' ? sessions[Number(coin)]! : victim)!.kill()
  }
}

/** One dataset in both projects. */
async function createProjects(...projects: string[]): Promise<void> {
  const out = mkdtempSync(path.join(tmpdir(), 'baton-chaos-'))
  await buildEmojiDataset({ out, size: 32, limit: 120 })
  const { manifestBytes, shards } = await readDataset(out)
  const manifest = await fleet.blobs.write(manifestBytes)
  for (const shard of shards) await fleet.blobs.write(readFileSync(shard))
  rmSync(out, { recursive: true })
  for (const project of projects) {
    await fleet.api.createProject({ body: { slug: project, name: project } })
    await fleet.api.createDatasetVersion({ params: { project }, body: { name: 'emoji', manifest: manifest.digest } })
  }
}

async function start(project: string): Promise<void> {
  await fleet.api.createExperiment({ params: { project }, body: spec })
}

function experimentOf(project: string): Promise<Experiment> {
  return eventually(() => fleet.api.getExperiment({ params: { project, version: 1 } }))
}

async function finished(project: string): Promise<void> {
  await eventually(async () => expect(isFinal((await experimentOf(project)).status)).toBe(true))
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}

/** Everything that is known of a project's one experiment. */
interface Record {
  readonly experiment: Experiment
  readonly leaderboard: readonly LeaderboardRow[]
  readonly events: readonly Event['payload'][]
  readonly folds: readonly FoldRecord[]
}
interface FoldRecord {
  readonly attempts: readonly Attempt[]
  /** By attempt. */
  readonly fences: readonly number[]
  /** Digests of what the fold ended with. */
  readonly result: unknown
  readonly checkpoints: readonly { fence: number; step: number; digest: string; manifest: CheckpointManifest }[]
  readonly curves: ReadonlyMap<string, readonly StoredMetric[]>
}

async function recordOf(project: string): Promise<Record> {
  const params = { project, version: 1 }
  const experiment = await experimentOf(project)
  const folds: FoldRecord[] = []
  for (const { id } of experiment.folds) folds.push(await foldRecordOf(id))
  return {
    experiment,
    leaderboard: (await fleet.api.getLeaderboard({ params: { project }, query: {} })).items,
    events: (await fleet.api.listExperimentEvents({ params, query: { limit: 1000 } })).items.map((one) => one.payload),
    folds,
  }
}

async function foldRecordOf(fold: string): Promise<FoldRecord> {
  const params = { fold }
  const rows = <T>(sql: string) => runSql(fleet.databaseUrl, sql) as Promise<unknown> as Promise<T[]>
  const [stored] = await rows<{ result: unknown }>(`SELECT result FROM fold WHERE id = '${fold}'`)
  const attempts = await rows<{ fence: number }>(`SELECT fence FROM attempt WHERE fold_id = '${fold}' ORDER BY number`)
  const curves = new Map<string, StoredMetric[]>()
  for (const name of metrics)
    curves.set(name, (await fleet.api.listMetrics({ params, query: { name, limit: 1000 } })).items)
  return {
    attempts: await allPages(fleet.api.listAttempts, { params }),
    fences: attempts.map(({ fence }) => fence),
    result: stored!.result,
    checkpoints: await rows(`SELECT fence, step, digest, manifest FROM checkpoint WHERE fold_id = '${fold}'`),
    curves,
  }
}

/** I5: the interruptions left no trace in what was trained, nor in its scores. */
function expectSameEnd(chaos: Record, calm: Record): void {
  expect(chaos.folds.map(({ result }) => result)).toEqual(calm.folds.map(({ result }) => result))
  const { cv, cvMean, cvStd, thresholds, testPredictions } = calm.experiment
  expect(chaos.experiment).toMatchObject({ status: 'completed', cv, cvMean, cvStd, thresholds, testPredictions })
  expect(chaos.leaderboard).toMatchObject([{ version: 1, cv }])
}

/** I1 and I2: every fold was completed by one attempt, and nobody was told twice, or not at all. */
function expectOneEnd({ experiment, events, folds }: Record): void {
  const attempts = folds.flatMap((fold) => fold.attempts)
  const attemptsEnded = (status: Attempt['status']) => attempts.filter((attempt) => attempt.status === status).length
  for (const { attempts, fences } of folds) {
    expect(attempts.filter(({ status }) => status === 'completed')).toHaveLength(1)
    expect(attempts.at(-1)).toMatchObject({ status: 'completed' })
    expect(fences).toEqual(fences.map((_, i) => i + 1))
  }
  expect(attemptsEnded('running')).toBe(0)
  const told = (kind: Event['payload']['kind']) => events.filter((event) => event.kind === kind)
  const completed = told('fold-completed').map((event) => ('fold' in event ? event.fold : null))
  expect(completed.sort()).toEqual(experiment.folds.map(({ index }) => index))
  expect(told('experiment-completed')).toHaveLength(1)
  expect(told('fold-leased')).toHaveLength(attempts.length)
  expect(told('fold-handed-over')).toHaveLength(attemptsEnded('handed_over'))
  expect(told('session-lost')).toHaveLength(attemptsEnded('lost'))
}

/** I4: an attempt goes on from the newest checkpoint that any before it committed; a hand-over costs no step. */
function expectNoStepLost({ attempts, fences, checkpoints }: FoldRecord): void {
  attempts.forEach(({ startStep }, i) => {
    const before = checkpoints.filter(({ fence }) => fence < fences[i]!).map(({ step }) => step)
    expect(startStep).toBeGreaterThanOrEqual(Math.max(0, ...before))
    const previous = attempts[i - 1]
    if (previous?.status === 'handed_over') expect(startStep).toBe(previous.endStep)
  })
}

/** A step that was done twice counts once, and came out the same. */
function expectSameCurves(curves: FoldRecord['curves'], calm: FoldRecord['curves']): void {
  for (const name of metrics) {
    const values = new Map(calm.get(name)!.map(({ step, value }) => [step, value]))
    const points = curves.get(name)!
    expect(points.length).toBeGreaterThan(0)
    expect(new Set(points.map(({ step }) => step)).size).toBe(points.length)
    for (const { step, value } of points) expect([name, step, value]).toEqual([name, step, values.get(step)])
  }
}

/** I3: all that a committed checkpoint names is in storage, whole: reading compares digests. */
async function expectWholeCheckpoints({ folds }: Record): Promise<void> {
  const checkpoints = folds.flatMap((fold) => fold.checkpoints)
  const digests = checkpoints.flatMap(({ digest, manifest }) => [digest, ...manifest.files.map((file) => file.digest)])
  expect(checkpoints.length).toBeGreaterThan(0)
  for (const digest of new Set(digests)) await fleet.blobs.read(digest, { maxBytes: 2 ** 26 })
}

/** What is away for seconds is worth a warning; `error` in a service's log wakes somebody. */
function expectNoAlarm({ processes }: Fleet): void {
  for (const service of ['api', 'coordinator'])
    expect(processes.get(service)!.lines.filter((line) => line.includes('"level":"error"'))).toEqual([])
}
