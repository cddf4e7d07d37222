import { randomUUID } from 'node:crypto'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadConfig } from '@baton/config'
import { allPages, isAppError } from '@baton/contracts'
import type { Client, Experiment, Fold } from '@baton/contracts'
import { buildEmojiDataset } from '@baton/dataset'
import { createLog } from '@baton/log'
import { prepareTensorflow } from '@baton/tensorflow'
import { pushDataset } from '../client/push-dataset.ts'
import { watchExperiment } from '../client/watch-experiment.ts'
import { printLeaderboard } from '../commands/leaderboard.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { paint } from '../output/paint.ts'
import { createProgress } from '../output/progress.ts'
import { count, formatSeconds, printableLines } from '../output/text.ts'
import { startLocalWorkers } from '../up/local-workers.ts'
import type { LocalWorkers } from '../up/local-workers.ts'
import { openLogOutput } from '../up/log-output.ts'
import { startBaton } from '../up/start-baton.ts'
import type { RunningBaton } from '../up/start-baton.ts'
import { demoSpec, soloSpec } from './demo-spec.ts'

const project = 'emoji'
/** Where the comparison is trained, so that it does not stand on the leaderboard. */
const soloProject = 'emoji-uninterrupted'
/** Short enough that every fold crosses sessions: a fold trains longer than this. */
const sessionSeconds = 20
/** A killed session is missed after 12 s; the product waits five times as long. */
const leaseTimes = { BATON_LEASE_SECONDS: '12', BATON_HEARTBEAT_SECONDS: '2' }
const sessions = 2
const pictures = 700

/** What the steps of the demo share. */
interface Demo {
  readonly io: Io
  readonly baton: RunningBaton
  readonly dataDir: string
  readonly startSessions: (options: { count: number; sessionSeconds?: number }) => LocalWorkers
}

/**
 * Shows all of Baton on this machine and proves its promise: a fold that was interrupted, handed over and killed ends
 * with the very weights of one that was not, because the digests are compared.
 *
 * @throws {Exit} when the experiment fails, or the weights differ
 */
export async function runDemo(io: Io, { keep }: { keep: boolean }): Promise<void> {
  const started = performance.now()
  const dataDir = await mkdtemp(path.join(tmpdir(), 'baton-demo-'))
  try {
    heading(io, 'TensorFlow')
    const { version, source, device } = await prepareTensorflow({ log: (line) => io.err(line) })
    io.out(`TensorFlow ${version} (${source}) on ${device}`)
    const demo = await startServices(io, dataDir)
    try {
      await show(demo)
      io.out(`\nDone in ${formatSeconds((performance.now() - started) / 1000)}.`)
      if (keep) await keepRunning(demo)
    } finally {
      await demo.baton.close()
    }
  } finally {
    await removeData(dataDir)
  }
}

async function startServices(io: Io, dataDir: string): Promise<Demo> {
  heading(io, 'Services')
  const port = io.env.BATON_PORT ?? String(await freePort())
  const config = loadConfig({ ...io.env, ...leaseTimes, BATON_DATA: dataDir, BATON_PORT: port })
  const output = await openLogOutput({ ...io, terminal: io.terminal ?? quiet }, dataDir)
  const log = createLog({ app: 'baton', level: config.log.level, destination: output })
  const print = (text: string) => printableLines(text).forEach((line) => io.out(paint(io, 'cyan', `  ✉ ${line}`)))
  const baton = await startBaton({ config, log, print, durability: 'none' })
  io.out(`PostgreSQL, object storage, API, coordinator and bot run at ${baton.url}`)
  // One thread each, whatever the machine: threads are part of what decides the bytes. The margin fits such sessions.
  const env = { ...io.env, BATON_THREADS: '1', BATON_MARGIN_SECONDS: '4' }
  return {
    io,
    baton,
    dataDir,
    startSessions: (options) =>
      startLocalWorkers({
        ...options,
        url: baton.url,
        api: baton.api,
        log,
        onLine: (line) => output.write(`${line}\n`),
        env,
      }),
  }
}

/** The database's folder may be a link: what runs as root keeps it where the server's own user can reach it. */
async function removeData(dataDir: string): Promise<void> {
  const postgres = await realpath(path.join(dataDir, 'postgres')).catch(() => dataDir)
  for (const folder of [postgres, dataDir]) await rm(folder, { recursive: true, force: true })
}

/** Warnings of the log would stand between the demo's lines; they are in its file. */
const quiet = { write: () => undefined, columns: 80, hasColours: false }

async function show(demo: Demo): Promise<void> {
  const { io, baton } = demo
  heading(io, 'Dataset')
  await createDataset(demo, project)
  heading(io, `Experiment: ${count(demoSpec.folds.count, 'fold')}, sessions of ${sessionSeconds} s, one of them killed`)
  const experiment = await trainInterrupted(demo)
  heading(io, 'Leaderboard')
  await printLeaderboard(io, baton.api, { project, limit: 10 })
  await compareUninterrupted(demo, experiment)
}

async function createDataset({ io, baton, dataDir }: Demo, name: string): Promise<void> {
  await baton.api.createProject({ body: { slug: name, name } })
  const progress = createProgress(io)
  const folder = path.join(dataDir, `dataset-${name}`)
  const dataset = await buildEmojiDataset({ out: folder, size: 32, limit: pictures })
  const created = await pushDataset(baton.api, {
    project: name,
    name: 'emoji',
    dataset,
    progress,
    signal: io.stopSignal(),
  })
  progress.end()
  await rm(folder, { recursive: true })
  if (name !== project) return
  const groups = created.labelGroups.map((group) => `${group.name} ${group.labels}`).join(', ')
  io.out(
    `emoji@${created.version}: ${created.samplesTrain} train and ${created.samplesTest} test pictures; labels: ${groups}`,
  )
  for (const line of dataset.manifest.licences) io.out(`  ${line}`)
}

async function trainInterrupted(demo: Demo): Promise<Experiment> {
  const { io, baton } = demo
  const { version } = await baton.api.createExperiment(
    { params: { project }, body: demoSpec },
    { idempotencyKey: randomUUID() },
  )
  io.out(`POST /v1/projects/${project}/experiments → 201, ${project} #${version}`)
  const workers = demo.startSessions({ count: sessions, sessionSeconds })
  const interruptions = interruptSessions(baton.api, version, workers, io)
  try {
    const experiment = await watchExperiment(io, baton.api, { project, version }, (line) => io.out(line))
    if (experiment.status !== 'completed') throw new Exit(exitCodes.experimentFailed)
    return experiment
  } finally {
    interruptions.cancel()
    await workers.close()
  }
}

/**
 * Interrupts the training as notebooks do. The first session with a checkpoint to lose no more than its tail is
 * killed without warning; where a machine is so fast that a fold would end within its first session, that session is
 * asked to hand over, so that every fold crosses sessions.
 */
function interruptSessions(api: Client, version: number, workers: LocalWorkers, io: Io): { cancel(): void } {
  let hasKilled = false
  const drained = new Set<string>()
  const kill = async (fold: Fold) => {
    const sessions = await allPages(api.listSessions, {})
    const name = sessions.find((session) => session.id === fold.sessionId)?.name
    const child = [...workers.processes].find(([number]) => name === `local-${number}`)?.[1]
    if (hasKilled || child?.kill('SIGKILL') !== true) return
    hasKilled = true
    io.out(paint(io, 'red', `  ✗ kill -9 of session ${name}, which trains fold ${fold.index}`))
  }
  const check = async () => {
    const { folds } = await api.getExperiment({ params: { project, version } })
    for (const fold of folds) {
      if (fold.status !== 'leased' || fold.attempts > 1 || fold.sessionId === null) continue
      const { step = 0, totalSteps = Infinity } = fold.progress ?? {}
      if (!hasKilled && fold.checkpointStep !== null) await kill(fold)
      else if (step > totalSteps / 3 && !drained.has(fold.id)) {
        drained.add(fold.id)
        await api.drainSession({ params: { session: fold.sessionId } })
      }
    }
  }
  const timer = setInterval(() => {
    check().catch((error: unknown) => {
      if (!isAppError(error)) throw error
    })
  }, 500)
  return { cancel: () => clearInterval(timer) }
}

async function compareUninterrupted(demo: Demo, experiment: Experiment): Promise<void> {
  const { io, baton } = demo
  const fold = experiment.folds.reduce((most, next) => (next.attempts > most.attempts ? next : most))
  heading(io, `The same fold without interruption (fold ${fold.index}, which took ${count(fold.attempts, 'attempt')})`)
  await createDataset(demo, soloProject)
  const { version } = await baton.api.createExperiment({ params: { project: soloProject }, body: soloSpec(fold.index) })
  const workers = demo.startSessions({ count: 1 })
  try {
    const solo = await watchExperiment(io, baton.api, { project: soloProject, version }, (line) => io.out(line))
    const [uninterrupted] = solo.folds
    if (uninterrupted?.status !== 'completed') throw new Exit(exitCodes.experimentFailed)
    reportDigests(io, fold, uninterrupted)
  } finally {
    await workers.close()
  }
}

function reportDigests(io: Io, interrupted: Fold, uninterrupted: Fold): void {
  io.out(`weights after ${count(interrupted.attempts, 'attempt')}  ${interrupted.weights}`)
  io.out(`weights after ${count(uninterrupted.attempts, 'attempt')}   ${uninterrupted.weights}`)
  if (interrupted.weights !== uninterrupted.weights) {
    io.err('The weights differ: interruption changed the training.')
    throw new Exit(exitCodes.problem)
  }
  io.out(paint(io, 'green', 'The weights are equal, byte for byte.'))
}

async function keepRunning({ io, baton }: Demo): Promise<void> {
  const stop = io.stopSignal()
  io.out(`\nStill running: BATON_URL=${baton.url} BATON_TOKEN=${baton.ownerToken.reveal()}`)
  io.out('Ctrl-C stops everything and removes its data.')
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve))
}

function heading(io: Io, text: string): void {
  io.out(`\n${paint(io, 'bold', text)}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
