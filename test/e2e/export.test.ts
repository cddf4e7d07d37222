import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isFinal, parseSpec } from '@baton/contracts'
import type { Experiment, ExperimentSpecInput } from '@baton/contracts'
import { buildEmojiDataset } from '@baton/dataset'
import { decode } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { decodeImage } from '../../packages/trainer/src/data/decode/decode-image.ts'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'
import type { NodeTf } from '../support/native-tensorflow.ts'

const project = 'emoji'
const size = 16

const base: ExperimentSpecInput = {
  name: 'exported',
  dataset: 'emoji',
  folds: { count: 2, only: [0] },
  model: { name: 'resnet', width: 8, layers: [1, 1] },
  image: { size },
  stages: [{ name: 'all', epochs: 4, batch: 8, schedule: { name: 'constant', lr: 0.01 } }],
  evaluate: { everyEpochs: 4 },
}

let tf: Tf
let world: TestBaton
let folder: string
/** Experiment 1, what its fold said of the samples that it was not trained on, and the pictures of those. */
let oof: Predictions
let pictures: Uint8Array

beforeAll(async () => {
  // Fetching it may take minutes, the first time on a machine.
  tf = await loadNativeTensorflow()
  folder = await mkdtemp(path.join(tmpdir(), 'baton-e2e-export-'))
  world = await startTestBaton({ workers: 1 })
  await world.createEmoji(project)
  oof = await predictionsOf(await trained(base))
  pictures = await picturesOf(oof.samples)
}, 600_000)
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

async function trained(spec: ExperimentSpecInput): Promise<Experiment> {
  const { version } = await world.baton.api.createExperiment({ params: { project }, body: parseSpec(spec) })
  const experiment = await vi.waitFor(
    async () => {
      const now = await world.baton.api.getExperiment({ params: { project, version } })
      if (!isFinal(now.status)) throw new Error(`experiment ${version} is ${JSON.stringify(now.folds)}`)
      return now
    },
    { timeout: 150_000, interval: 100 },
  )
  expect(experiment, JSON.stringify(experiment.failure)).toMatchObject({ status: 'completed' })
  return experiment
}

interface Predictions {
  readonly samples: Int32Array
  /** [samples, labels] */
  readonly probabilities: Float32Array
}

async function predictionsOf({ version }: Experiment): Promise<Predictions> {
  const params = { project, version }
  const { items } = await world.baton.api.listExperimentArtifacts({ params })
  const { digest } = items.find(({ name }) => name === 'fold-0-oof.safetensors')!
  const { url } = await world.baton.api.downloadExperimentArtifact({ params: { ...params, digest } })
  const { tensors } = decode(new Uint8Array(await (await fetch(url)).arrayBuffer()))
  return {
    samples: tensors.get('sample')!.data as Int32Array,
    probabilities: tensors.get('probability')!.data as Float32Array,
  }
}

/** RGB, [samples, size, size, 3], of the dataset that the project has. */
async function picturesOf(samples: Int32Array): Promise<Uint8Array> {
  const { manifest, manifestDigest, shards } = await buildEmojiDataset({
    out: path.join(folder, 'dataset'),
    size,
    limit: 120,
  })
  const { items } = await world.baton.api.listDatasetVersions({ params: { project }, query: {} })
  expect(items[0]!.manifest).toBe(manifestDigest)
  const { image } = parseSpec(base)
  const decoded = await Promise.all(
    Array.from(samples, async (index) => {
      const { shard, offset, length } = manifest.samples[index]!
      const bytes = (await readFile(shards[shard]!)).subarray(offset, offset + length)
      return (await decodeImage(bytes, image)).data
    }),
  )
  return Buffer.concat(decoded)
}

async function exportedAs(format: string): Promise<string> {
  const out = path.join(folder, format)
  const ran = await world.cli(
    'export',
    '1',
    '--fold',
    '0',
    '--format',
    format,
    '--out',
    out,
    '--project',
    project,
    '--json',
  )
  expect(ran.code, ran.stderr).toBe(0)
  expect(JSON.parse(ran.stdout)).toEqual({ folder: out, files: expect.arrayContaining(await readdir(out)) as unknown })
  return out
}

/** All that goes in and out of a model are rounded in other places than in training. */
function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length)
  expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5)
}

const images = () => tf.tensor(Int32Array.from(pictures), [oof.samples.length, size, size, 3], 'int32')

test('a SavedModel that `baton export` writes says of pictures what the fold said of them', async () => {
  const model = await (tf as unknown as NodeTf).node.loadSavedModel(await exportedAs('saved-model'))
  const { probabilities } = model.predict({ images: images() })
  expectClose(probabilities!.dataSync() as Float32Array, oof.probabilities)
}, 100_000)

test('so does a layers model', async () => {
  const model = await tf.loadLayersModel(`file://${await exportedAs('tfjs')}/model.json`)
  const probabilities = model.predict(tf.cast(images(), 'float32')) as ReturnType<Tf['tensor']>
  expectClose(probabilities.dataSync() as Float32Array, oof.probabilities)
}, 100_000)

test.each([
  ['safetensors', 'model.safetensors'],
  ['tfjs', 'model.json'],
])(
  'what was exported as %s and pushed is what another experiment begins with',
  async (format, file) => {
    const name = `${format}.safetensors`
    const pushed = await world.cli(
      'artifacts',
      'push',
      path.join(await exportedAs(format), file),
      '--name',
      name,
      '--project',
      project,
    )
    expect(pushed.code, pushed.stderr).toBe(0)
    // One step that moves next to nothing: what it predicts is what it began with.
    const stage = { ...base.stages[0]!, epochs: undefined, steps: 1, train: 'head' as const }
    const next = await trained({
      ...base,
      name: format,
      model: { name: 'resnet', width: 8, layers: [1, 1], weights: { artifact: name } },
      stages: [{ ...stage, schedule: { name: 'constant', lr: 1e-9 } }],
      evaluate: { everySteps: 1 },
    })
    expectClose((await predictionsOf(next)).probabilities, oof.probabilities)
  },
  200_000,
)
