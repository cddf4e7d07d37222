import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createClient } from '@baton/contracts'
import type { Client, ExperimentSpecInput } from '@baton/contracts'
import { buildEmojiDataset } from '@baton/dataset'
import { createLog } from '@baton/log'
import { defaultCacheDir } from '@baton/tensorflow'
import type { Span } from '@baton/trace'
import { runSession } from '@baton/worker'
import { pushDataset } from '../apps/cli/src/client/push-dataset.ts'
import { startServices } from './dispatch/services.ts'
import type { Figure, Run } from './figure.ts'

/** Bundled beside this: the training child that ships. */
const trainEntry = new URL('../apps/worker/src/train.ts', import.meta.url)
const project = 'bench'
const { signal } = new AbortController()

/** ResNet-50, 24 million parameters, with AdamW. It never comes to an evaluation here. */
const spec: ExperimentSpecInput = {
  name: 'hand-over',
  dataset: 'emoji',
  folds: { count: 2 },
  model: { name: 'resnet50' },
  image: { size: 64 },
  stages: [{ name: 'all', batch: 32, epochs: 10_000, schedule: { name: 'constant', lr: 1e-4 } }],
  evaluate: { everyEpochs: 1000 },
  checkpoint: { everySeconds: 600 },
}

/** What a session told of its work, in seconds. */
interface Told {
  /** Of the fold, from 1. */
  readonly attempt: number
  readonly toFirstStep: number
  readonly pull: number
  /** From the end of its last step. */
  readonly toHandOver: number
  readonly save: number
  readonly upload: number
}

/**
 * One fold from session to session on one machine, with API, database and object store beside it: each takes its lease,
 * does a step, is told to stop, and hands over.
 *
 * @param tensorflowSeconds What loading TensorFlow takes of a session's start.
 */
export async function measureHandOvers(run: Run, tensorflowSeconds: number): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-hand-over-'))
  const services = await startServices('PostgreSQL')
  try {
    const api = createClient({ url: services.url, token: services.ownerToken })
    await startTraining(api, folder)
    const cacheDir = path.join(folder, 'cache')
    await mkdir(cacheDir)
    // A cache of its own, but for TensorFlow, which takes minutes to fetch.
    await symlink(path.join(defaultCacheDir(), 'tensorflow'), path.join(cacheDir, 'tensorflow'))
    const session = () => handOver(api, services.url, cacheDir)
    const resumed: Told[] = []
    while (resumed.length < run.repetitions) {
      run.say(`hand-over: session ${resumed.length + 1} of ${run.repetitions}`)
      const told = await session()
      // The first sessions begin a fold each.
      if (told.attempt > 1) resumed.push(told)
    }
    return figuresOf(resumed, tensorflowSeconds)
  } finally {
    await services.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** An experiment whose folds the sessions hand to each other. */
async function startTraining(api: Client, folder: string): Promise<void> {
  await api.createProject({ body: { slug: project, name: 'Bench' } })
  const dataset = await buildEmojiDataset({ out: path.join(folder, 'emoji'), limit: 400 })
  await pushDataset(api, { project, name: 'emoji', dataset, progress: { update: () => undefined }, signal })
  await api.createExperiment({ params: { project }, body: spec })
}

/** Trains for a step or two and hands over. @throws {Error} when it ends otherwise */
async function handOver(api: Client, url: string, cacheDir: string): Promise<Told> {
  const stop = new AbortController()
  const spans: Span[] = []
  const { token } = await api.createEnrolment({ body: {} })
  const { folds } = await runSession({
    url,
    enrolmentToken: token,
    provider: 'local',
    name: 'bench',
    accelerator: null,
    memoryBytes: null,
    pools: ['default'],
    secondsLeft: null,
    cacheDir,
    threads: os.availableParallelism(),
    dataThreads: os.availableParallelism(),
    trainEntry,
    log: createLog({ app: 'bench', level: 'warn' }),
    tracer: {
      record(span) {
        spans.push(span)
        if (span.name === 'first step') stop.abort()
      },
      close: () => Promise.resolve(),
    },
    stop: stop.signal,
  })
  const kinds = folds.map(({ end }) => end.kind).join()
  if (kinds !== 'handed-over') throw new Error(`the session ended with its folds ${kinds || 'none'}`)
  const spanOf = (name: string) => {
    const span = spans.findLast((one) => one.name === name)
    if (!span) throw new Error(`the session did not tell of "${name}"`)
    return { ...span, seconds: (span.endMs - span.startMs) / 1000 }
  }
  const save = spanOf('save checkpoint')
  return {
    attempt: folds[0]!.attempt,
    toFirstStep: spanOf('first step').seconds,
    pull: spanOf('pull').seconds,
    toHandOver: (spanOf('hand over').endMs - save.startMs) / 1000,
    save: save.seconds,
    upload: spanOf('upload checkpoint').seconds,
  }
}

function figuresOf(told: readonly Told[], tensorflowSeconds: number): Figure[] {
  const figure = (name: string, valueOf: (one: Told) => number, more: Partial<Figure> = {}): Figure => {
    return { name, unit: 's', values: told.map(valueOf), ...more }
  }
  return [
    figure('ResNet-50: from the lease to the first resumed step done', ({ toFirstStep }) => toFirstStep),
    figure('ResNet-50: the same without loading TensorFlow', ({ toFirstStep }) => toFirstStep - tensorflowSeconds, {
      goal: { atMost: 3 },
    }),
    figure('of that, bringing the checkpoint onto the machine', ({ pull }) => pull),
    figure('ResNet-50: from the last step to the hand-over committed', ({ toHandOver }) => toHandOver),
    figure('of that, copying and writing the checkpoint', ({ save }) => save),
    figure('of that, sending it', ({ upload }) => upload),
  ]
}
