import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { packBundle } from '@baton/bundle'
import { isFinal, parseSpec } from '@baton/contracts'
import type { Experiment, ExperimentSpec } from '@baton/contracts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))
const project = 'emoji'

let world: TestBaton
beforeAll(async () => {
  world = await startTestBaton({ workers: 1 })
  await world.cli('project', 'create', project)
  const created = await world.cli(
    'dataset',
    'create',
    'emoji',
    '--project',
    project,
    '--emoji',
    '--limit',
    '120',
    '--size',
    '16',
  )
  expect(created.code).toBe(0)
})
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
  const example = parse(await readFile(`${examples}/emoji-bundle.yaml`, 'utf8')) as ExperimentSpec
  const { digest } = await packBundle(`${examples}/emoji-bundle`)
  const pushed = await world.cli('code', 'push', `${examples}/emoji-bundle`, '--project', project)
  expect(pushed.code).toBe(0)
  const stages = example.stages.map((stage) => ({ ...stage, epochs: 1 }))
  const experiment = await ended(parseSpec({ ...example, ...small, code: digest, stages }))
  expect(experiment).toMatchObject({ status: 'completed', code: digest, folds: [{ status: 'completed', attempts: 1 }] })
  expect(experiment.cv).toBeGreaterThan(0)
})

/** What a bundle whose loss is the given expression over logits `x` does to an experiment. */
async function endedWithLoss(name: string, expression: string): Promise<Experiment> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bundle-'))
  await writeFile(path.join(folder, 'index.mjs'), `export const loss = ({ tf }) => (x) => ${expression}\n`)
  const { digest } = await packBundle(folder)
  expect((await world.cli('code', 'push', folder, '--project', project)).code).toBe(0)
  await rm(folder, { recursive: true })
  const schedule = { name: 'constant', lr: 0.01 }
  const stages = [{ name: 'all', epochs: 1, schedule, loss: { name: 'bundle' } }]
  return ended(parseSpec({ ...small, name, code: digest, model: { name: 'convnet' }, stages }))
}

test('a loss that is not finite ends the fold, and names the step and its samples', async () => {
  const experiment = await endedWithLoss('not finite', 'tf.mul(tf.mean(x), NaN)')
  expect(experiment).toMatchObject({ status: 'failed', folds: [{ attempts: 1 }], failure: { code: 'loss-not-finite' } })
  expect(experiment.failure!.detail).toMatch(/the loss is NaN at step 0, stage all; samples /)
})

test('a bundle that throws ends the fold for good, with what it threw', async () => {
  const experiment = await endedWithLoss('throws', '{ throw new Error("no such column") }')
  expect(experiment).toMatchObject({
    status: 'failed',
    folds: [{ attempts: 1 }],
    failure: { code: 'user-code-failed' },
  })
  expect(JSON.stringify(experiment.failure)).toContain('no such column')
})
