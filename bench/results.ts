import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pushDataset, startBaton, startLocalWorkers } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { isAppError, isFinal, labelsOf } from '@baton/contracts'
import type { Client, Matrix, MatrixSpec } from '@baton/contracts'
import { buildEmojiDataset } from '@baton/dataset'
import type { EmojiDataset } from '@baton/dataset'
import { samplesOf } from '@baton/evaluation'
import { createLog } from '@baton/log'
import { prepareTensorflow } from '@baton/tensorflow'
import type { Benchmark, Figure, Run } from './figure.ts'
import { freePort } from './free-port.ts'
import { pixelBaselines } from './pixel-baselines.ts'
import { precisionFigures, precisionMatrix, readPrecisionStudy } from './precision-study.ts'
import type { PrecisionStudy } from './precision-study.ts'
import { repositoryFile } from './repository.ts'
import { resultsPage } from './results-page.ts'
import type { Results } from './results-page.ts'

const project = 'emoji'
const pictures = { limit: 700, size: 32 }

/** What is done to train pictures by `augment: imet-320`, and a box erased from half of them. */
const withErasing = [
  { op: 'flip' },
  {
    op: 'one-of',
    p: 0.3,
    ops: [
      { op: 'brightness', by: 0.1 },
      { op: 'contrast', by: 0.1 },
    ],
  },
  { op: 'shift-scale-rotate', p: 0.3, shift: 0.1, degrees: 15 },
  { op: 'noise', p: 0.3, from: 2.55, to: 12.75 },
  { op: 'erase', p: 0.5 },
]

/**
 * The recipe on pictures of 32 pixels, by a net that begins from nothing: so the rates are higher, equal for all layers,
 * and there are more epochs. Then one thing at a time is otherwise.
 */
const spec: MatrixSpec = {
  name: 'imet/ceshine-320 on emoji',
  dataset: 'emoji',
  recipe: 'imet/ceshine-320',
  folds: { count: 4 },
  model: { name: 'convnet', width: 24, blocks: 3, dropout: 0.25 },
  image: { size: pictures.size },
  stages: {
    head: { batch: 32, epochs: 1 },
    all: { batch: 32, epochs: 55, schedule: { lr: 6e-3 }, lrScale: null },
  },
  evaluate: { everyEpochs: 28 },
  earlyStop: null,
  checkpoint: { everySeconds: 600 },
  matrix: {
    include: [
      {},
      { 'stages.all.mix': null },
      { 'stages.head.loss': { name: 'bce' }, 'stages.all.loss': { name: 'bce' } },
      { augment: withErasing },
      { 'stages.all.optimizer': { name: 'sgdm' }, 'stages.all.schedule.lr': 0.3 },
      { knn: { neighbours: 20 } },
    ],
    exclude: [],
  },
  halving: null,
}

const cellNames = [
  'the recipe',
  'no mixup',
  'BCE in place of focal loss',
  'random erasing, p 0.5',
  'SGDM in place of AdamW',
  'a vote of the 20 nearest neighbours',
]

/**
 * Trains the emoji set through an embedded Baton, once as a recipe has it and in ablations, beside baselines that see
 * label frequencies or pixels alone, and in bf16 where the machine computes in it, and writes `docs/results.md`.
 */
export default {
  summary: 'CV on the emoji set beside baselines, an ablation, and bf16 beside fp32; writes docs/results.md',
  repetitions: 1,
  run: async ({ say }: Run): Promise<Figure[]> => {
    const started = performance.now()
    const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-results-'))
    await chmod(folder, 0o755) // The database runs as a user of its own.
    try {
      const { version, source, device } = await prepareTensorflow({ log: say })
      const dataset = await buildEmojiDataset({ ...pictures, out: path.join(folder, 'dataset') })
      const { matrix, rows, first, precision } = await train(folder, dataset, device.endsWith('_bf16)'), say)
      say('training the baselines')
      const baselines = await pixelBaselines({ folder, dataset, than: first, say })
      const { manifest } = dataset
      const results: Results = {
        matrix,
        spec,
        names: cellNames,
        rows,
        baselines,
        precision,
        samples: { train: samplesOf(manifest, 'train').length, labels: labelsOf(manifest).length, side: pictures.size },
        tensorflow: `TensorFlow ${version} (${source}) on ${device}`,
        seconds: (performance.now() - started) / 1000,
      }
      const file = repositoryFile('docs/results.md')
      await writeFile(file, resultsPage(results))
      say(`written: ${path.relative(process.cwd(), file)}`)
      return figuresOf(results)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
} satisfies Benchmark

/** Trains the matrix, and that of precisions if wanted, by as many sessions as there are cores, each of one thread. */
async function train(folder: string, dataset: EmojiDataset, inBf16: boolean, say: Run['say']) {
  const config = loadConfig({
    BATON_DATA: path.join(folder, 'data'),
    BATON_PORT: String(await freePort()),
    BATON_REQUESTS_PER_MINUTE: '1000000',
  })
  const log = createLog({ app: 'results', level: 'silent' })
  const baton = await startBaton({ config, log, durability: 'none', print: () => undefined })
  const { api, url } = baton
  try {
    await api.createProject({ body: { slug: project, name: project } })
    const progress = { update: () => undefined }
    const signal = new AbortController().signal
    await pushDataset(api, { project, name: 'emoji', dataset, progress, signal })
    const { version } = await api.createMatrix({ params: { project }, body: spec })
    const env = { ...process.env, BATON_THREADS: '1' }
    const workers = startLocalWorkers({ count: os.availableParallelism(), url, api, log, onLine: () => undefined, env })
    try {
      const matrix = await finished(api, version, say)
      const query = { where: `matrix = ${version}`, sort: 'version', fields: 'cv,cvLow,cvHigh', limit: 200 }
      const { items: rows } = await api.listExperiments({ params: { project }, query })
      const first = await api.getExperiment({ params: { project, version } })
      return { matrix, rows, first, precision: inBf16 ? await studyPrecision(api, say) : null }
    } finally {
      await workers.close()
    }
  } finally {
    await baton.close()
  }
}

async function studyPrecision(api: Client, say: Run['say']): Promise<PrecisionStudy> {
  say('training in bf16 and fp32, by seeds')
  const { version } = await api.createMatrix({ params: { project }, body: precisionMatrix(spec) })
  const { cells } = await finished(api, version, say)
  return readPrecisionStudy(
    api,
    project,
    cells.map((cell) => cell.version),
  )
}

/** A database that is busy for a while ends no study. */
async function matrixNow(api: Client, version: number): Promise<Matrix> {
  for (let refused = 0; ; refused++)
    try {
      return await api.getMatrix({ params: { project, version }, query: {} })
    } catch (error) {
      if (!isAppError(error, 'unavailable') || refused === 30) throw error
      await setTimeout(2000)
    }
}

async function finished(api: Client, version: number, say: Run['say']): Promise<Matrix> {
  let said = ''
  for (;;) {
    const matrix = await matrixNow(api, version)
    const failed = matrix.cells.find(({ status }) => status === 'failed' || status === 'cancelled')
    if (failed) throw new Error(`${failed.name} ${failed.status}`)
    if (matrix.cells.every(({ status }) => isFinal(status))) return matrix
    const done = matrix.cells.reduce((sum, { foldsCompleted }) => sum + foldsCompleted, 0)
    const line = `${done} of ${matrix.cells.reduce((sum, { foldsTotal }) => sum + foldsTotal, 0)} folds trained`
    if (line !== said) say(line)
    said = line
    await setTimeout(2000)
  }
}

/** The recipe is clearly above a baseline where the whole interval of their difference is above 0. */
function figuresOf({ rows, baselines, precision }: Results): Figure[] {
  return [
    { name: 'CV of the recipe', unit: '', values: [rows[0]!.cv!] },
    ...baselines.flatMap(({ name, cv, difference }): Figure[] => [
      { name: `CV of ${name}`, unit: '', values: [cv] },
      { name: `recipe − ${name}, low end of 95 %`, unit: '', values: [difference.low], goal: { atLeast: 0 } },
    ]),
    ...(precision === null ? [] : precisionFigures(precision)),
  ]
}
