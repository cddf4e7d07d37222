import { isFinal, parseSpec } from '@baton/contracts'
import type { Experiment, ExperimentSpecInput } from '@baton/contracts'
import { prepareTensorflow } from '@baton/tensorflow'
import { decode } from '@baton/safetensors'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'

const project = 'emoji'

let world: TestBaton
/** #1: what the others take from. */
let source: Experiment
beforeAll(async () => {
  // Fetching it may take minutes, the first time on a machine.
  await prepareTensorflow()
  world = await startTestBaton({ workers: 2 })
  await world.createEmoji(project)
  source = await ended(await start({ name: 'source' }))
}, 600_000)
afterAll(() => world.close())

const base: ExperimentSpecInput = {
  name: 'small',
  dataset: 'emoji',
  folds: { count: 2 },
  model: { name: 'convnet', width: 4, blocks: 2 },
  image: { size: 16 },
  stages: [{ name: 'all', epochs: 4, batch: 8, schedule: { name: 'constant', lr: 0.01 } }],
  evaluate: { everyEpochs: 4 },
}

async function start(changes: Partial<ExperimentSpecInput>): Promise<Experiment> {
  return world.baton.api.createExperiment({ params: { project }, body: parseSpec({ ...base, ...changes }) })
}

function until({ version }: Experiment, reached: (experiment: Experiment) => boolean): Promise<Experiment> {
  return vi.waitFor(
    async () => {
      const experiment = await world.baton.api.getExperiment({ params: { project, version } })
      if (!reached(experiment)) throw new Error(`experiment ${version} is ${JSON.stringify(experiment.folds)}`)
      return experiment
    },
    { timeout: 150_000, interval: 100 },
  )
}

async function ended(experiment: Experiment): Promise<Experiment> {
  const last = await until(experiment, ({ status }) => isFinal(status))
  expect(last, JSON.stringify(last.failure)).toMatchObject({ status: 'completed' })
  return last
}

const weightsOf = ({ folds }: Experiment) => folds.map(({ weights }) => weights)

/** What a fold said in its log, of its inputs. */
async function logOf({ version, folds }: Experiment, index: number): Promise<string> {
  const { items } = await world.baton.api.listLogs({ params: { fold: folds[index]!.id }, query: { limit: 200 } })
  expect(version).toBeGreaterThan(0)
  return items.map(({ text }) => text).join('\n')
}

test('a student of another experiment, started from its weights and without its worst samples, ends with the same bytes though its session is killed', async () => {
  const student = {
    name: 'student',
    from: 'emoji#1',
    stages: [{ ...base.stages[0]!, epochs: 100 }],
    evaluate: { everyEpochs: 100 },
    checkpoint: { everySeconds: 1 },
    targets: {
      distill: { form: 'mix', teacher: 'emoji#1', kappa: 0.5, temperature: 2 },
      clean: { from: 'emoji#1', share: 0.1 },
    },
  } satisfies Partial<ExperimentSpecInput>
  const started = await start(student)
  expect(started.inputs.map(({ use, source: from, fold }) => `${use} ${from} ${fold}`)).toEqual([
    'from emoji#1/0 0',
    'from emoji#1/1 1',
    ...['targets.distill', 'targets.clean'].flatMap((use) => [`${use} emoji#1/0 null`, `${use} emoji#1/1 null`]),
  ])
  const params = { project, version: started.version }
  const { folds } = await until(
    started,
    ({ folds: [first] }) => first!.checkpointStep !== null && first!.sessionId !== null,
  )
  await world.baton.api.stopSession({ params: { session: folds[0]!.sessionId! } })
  const interrupted = await ended(started)
  expect(interrupted.folds[0]!.attempts).toBe(2)
  expect(await logOf(interrupted, 0)).toContain('starts with the weights of emoji#1/0')

  const attempt = await world.baton.api.getAttempt({ params: { fold: folds[0]!.id, attempt: 1 } })
  expect(attempt.status).toBe('stopped')

  // A clone takes the same objects, and nobody kills anything.
  const undisturbed = await ended(await world.baton.api.cloneExperiment({ params, body: { overrides: {} } }))
  expect(undisturbed).toMatchObject({ inputs: interrupted.inputs, specDigest: interrupted.specDigest })
  expect(undisturbed.folds.map(({ attempts }) => attempts)).toEqual([1, 1])
  expect(weightsOf(undisturbed)).toEqual(weightsOf(interrupted))
  expect(undisturbed.cv).toBe(interrupted.cv)
  expect(weightsOf(undisturbed)).not.toEqual(weightsOf(source))
}, 400_000)

test('pseudo labels of the test samples make an epoch longer, and each fold learns from its own model', async () => {
  const [own] = source.folds
  const learner = await ended(await start({ name: 'pseudo', targets: { pseudo: { from: 'emoji#1', share: 1 } } }))
  const steps = (experiment: Experiment) => experiment.folds[0]!.progress!.totalSteps
  expect(steps(learner)).toBeGreaterThan(own!.progress!.totalSteps)
  expect(learner.inputs.map(({ source: from, fold }) => [from, fold])).toEqual([
    ['emoji#1/0', 0],
    ['emoji#1/1', 1],
  ])
}, 200_000)

test('a specialised model is scored on its label groups, and its predictions say which labels they are of', async () => {
  const { api } = world.baton
  const { items } = await api.listDatasetVersions({ params: { project }, query: {} })
  const [first, second] = items[0]!.labelGroups
  const special = await ended(await start({ name: 'special', labels: [second!.name] }))
  expect(Object.keys(special.thresholds!)).toEqual([second!.name])
  const artifacts = await api.listExperimentArtifacts({ params: { project, version: special.version } })
  const { digest } = artifacts.items.find(({ name }) => name === 'fold-1-oof.safetensors')!
  const { url } = await api.downloadExperimentArtifact({ params: { project, version: special.version, digest } })
  const { tensors } = decode(new Uint8Array(await (await fetch(url)).arrayBuffer()))
  expect([...tensors.get('label')!.data]).toEqual(Array.from({ length: second!.labels }, (_, i) => first!.labels + i))
  expect(tensors.get('probability')!.shape[1]).toBe(second!.labels)
}, 200_000)

test('what an experiment takes from is shown with it; without it there is nothing to show', async () => {
  const shown = await world.cli('show', '2', '--project', project)
  expect(shown.stdout).toContain('from: emoji#1\ntargets.distill: emoji#1\ntargets.clean: emoji#1\n')
  expect((await world.cli('show', '1', '--project', project)).stdout).not.toContain('emoji#1')
})
