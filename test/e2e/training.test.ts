import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { packBundle } from '@baton/bundle'
import { isFinal, parseSpec } from '@baton/contracts'
import type { Experiment, ExperimentSpec } from '@baton/contracts'
import { prepareTensorflow } from '@baton/tensorflow'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))
const project = 'emoji'

let world: TestBaton
beforeAll(async () => {
  // Fetching it may take minutes, the first time on a machine.
  await prepareTensorflow()
  world = await startTestBaton({ workers: 1 })
  await world.createEmoji(project)
}, 600_000)
afterAll(() => world.close())

/** Small enough to be trained in seconds. */
const small = { dataset: 'emoji', folds: { count: 2, only: [0] }, image: { size: 16 } }

async function ended(spec: ExperimentSpec): Promise<Experiment> {
  const { api } = world.baton
  const { version } = await api.createExperiment({ params: { project }, body: spec })
  return vi.waitFor(
    async () => {
      const experiment = await api.getExperiment({ params: { project, version } })
      if (!isFinal(experiment.status)) throw new Error(`experiment ${version} is ${experiment.status}`)
      return experiment
    },
    { timeout: 100_000, interval: 300 },
  )
}

test("the example's bundle replaces the loss, and its fold is trained to a score", async () => {
  const changes = ['folds.count=2', 'folds.only=[0]', 'image.size=16', 'stages.0.epochs=1', 'stages.1.epochs=2']
  const sets = changes.flatMap((change) => ['--set', change])
  const ran = await world.cli(
    'run',
    `${examples}/emoji-bundle.yaml`,
    '--project',
    project,
    ...sets,
    '--watch',
    '--json',
  )
  expect(ran.code, ran.stderr).toBe(0)
  const experiment = JSON.parse(ran.stdout) as Experiment
  const { digest } = await packBundle(`${examples}/emoji-bundle`)
  expect(experiment).toMatchObject({ status: 'completed', code: digest, folds: [{ status: 'completed', attempts: 1 }] })
  expect(experiment.cv).toBeGreaterThan(0)
})

test('a learning rate that blows the weights up ends the fold for good, and names step and samples', async () => {
  // Decoupled decay multiplies the weights by 1 − 10 · 1 at each step; no evaluation sees it before a step does.
  const optimizer = { name: 'adamw', weightDecay: 1 }
  const stages = [{ name: 'all', epochs: 20, batch: 8, optimizer, schedule: { name: 'constant', lr: 10 } }]
  const experiment = await ended(
    parseSpec({
      ...small,
      name: 'blown up',
      model: { name: 'convnet', width: 4 },
      stages,
      evaluate: { everyEpochs: 20 },
    }),
  )
  expect(experiment).toMatchObject({ status: 'failed', folds: [{ attempts: 1 }], failure: { code: 'loss-not-finite' } })
  const { detail, step } = experiment.failure!
  expect(step).toBeGreaterThan(0)
  expect(detail).toMatch(new RegExp(`is (NaN|Infinity) at step ${step}, stage all; samples `))
})

test('a bundle that throws ends the fold for good, with what it threw and where', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bundle-'))
  const lines = ['export const loss = () => (logits) => {', "  throw new Error('no such column')", '}', '']
  await writeFile(path.join(folder, 'index.mjs'), lines.join('\n'))
  const { digest } = await packBundle(folder)
  expect((await world.cli('code', 'push', folder, '--project', project)).code).toBe(0)
  await rm(folder, { recursive: true })
  const stages = [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.01 }, loss: { name: 'bundle' } }]
  const spec = parseSpec({ ...small, name: 'throws', code: digest, model: { name: 'convnet', width: 4 }, stages })
  const experiment = await ended(spec)
  expect(experiment).toMatchObject({
    status: 'failed',
    folds: [{ attempts: 1, failure: { code: 'user-code-failed' } }],
    failure: { code: 'user-code-failed' },
  })
  const { lastLines } = experiment.folds[0]!.failure!
  expect(lastLines.join('\n')).toMatch(/no such column[^]*index\.mjs:2/)
  const { items } = await world.baton.api.listExperimentEvents({
    params: { project, version: experiment.version },
    query: {},
  })
  const failed = items.map(({ payload }) => payload).filter(({ kind }) => kind === 'fold-failed')
  expect(failed).toMatchObject([{ attempt: 1, outcome: 'given-up' }])
})

test('an experiment that is paused in mid-training and resumed ends with the bytes of one that was not', async () => {
  const { api } = world.baton
  const stages = [{ name: 'all', epochs: 150, batch: 8, schedule: { name: 'constant', lr: 0.01 } }]
  const body = parseSpec({
    ...small,
    name: 'paused',
    model: { name: 'convnet', width: 4 },
    stages,
    evaluate: { everyEpochs: 150 },
  })
  const { version } = await api.createExperiment({ params: { project }, body })
  const params = { project, version }
  const until = (reached: (experiment: Experiment) => boolean) =>
    vi.waitFor(
      async () => {
        const experiment = await api.getExperiment({ params })
        if (!reached(experiment)) throw new Error(`fold is ${JSON.stringify(experiment.folds[0])}`)
        return experiment
      },
      { timeout: 100_000, interval: 100 },
    )
  await until(({ folds }) => (folds[0]!.progress?.step ?? 0) > 0)
  await api.pauseExperiment({ params })
  const paused = await until(({ folds }) => folds[0]!.status === 'paused')
  const { checkpointStep, progress } = paused.folds[0]!
  expect(paused.status).toBe('paused')
  expect(checkpointStep).toBeGreaterThan(0)
  expect(checkpointStep).toBeLessThan(progress!.totalSteps)

  // The one session there is has gone on: it trains the same undisturbed.
  const undisturbed = await ended(body)
  expect(undisturbed).toMatchObject({ status: 'completed', folds: [{ attempts: 1 }] })
  expect((await api.getExperiment({ params })).folds[0]).toMatchObject({ status: 'paused', attempts: 1 })

  await api.resumeExperiment({ params })
  const resumed = await until(({ status }) => isFinal(status))
  expect(resumed).toMatchObject({ status: 'completed', cv: undisturbed.cv, folds: [{ attempts: 2 }] })
  expect(resumed.folds[0]!.weights).toBe(undisturbed.folds[0]!.weights)
  const attempt = (number: number) => api.getAttempt({ params: { fold: resumed.folds[0]!.id, attempt: number } })
  expect(await attempt(1)).toMatchObject({ status: 'handed_over', endStep: checkpointStep })
  expect(await attempt(2)).toMatchObject({ status: 'completed', startStep: checkpointStep })
}, 300_000)
