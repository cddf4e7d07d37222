/**
 * Baton's own step, and an epoch from files by its own pipeline. Arguments: the job, how steps run, their precision.
 */
import { readFileSync } from 'node:fs'
import type { Precision, TrainingEnvironment } from '@baton/contracts'
import { loadTensorflow } from '@baton/tensorflow'
import { buildModel } from '../../../packages/trainer/src/models/build.ts'
import { createStageProgram } from '../../../packages/trainer/src/step/stage-program.ts'
import type { TrainBatch } from '../../../packages/trainer/src/step/train-batch.ts'
import { specOf } from '../nets.ts'
import { openFiles } from './baton-files.ts'
import { readJob, repeated, serve } from './serve.ts'

const job = await readJob()
const execution = process.argv[3] as TrainingEnvironment['execution']
const precision = process.argv[4] as Precision
const { net, classes, threads } = job
const { tf, environment } = await loadTensorflow({ threads })
const spec = specOf(net)
const model = buildModel(net.model, { tf, classes, imageSize: net.size, seed: 1 })
const program = createStageProgram({
  tf,
  model,
  stage: spec.stages[0]!,
  spec,
  labelColumns: [{ name: 'all', start: 0, end: classes }],
  seed: 1,
  execution,
  precision,
  log: (line) => console.error(line),
})
const images = new Uint8Array(readFileSync(job.images))
const labels = new Float32Array(readFileSync(job.labels).buffer)
const batches = Array.from({ length: job.batches }, (_, i): TrainBatch => {
  const rows = <T extends Uint8Array | Float32Array>(table: T, width: number) =>
    table.subarray(i * net.batch * width, (i + 1) * net.batch * width) as T
  return { images: rows(images, net.size ** 2 * 3), labels: rows(labels, classes), blend: null, n: net.batch }
})
let step = 0
const train = (batch: TrainBatch) => program.train(batch, { lr: job.lr }, step++).loss
const files = openFiles(job, spec)

await serve(
  {
    parameters: model.variables.reduce(
      (sum, { role, variable }) => sum + (role === 'statistic' ? 0 : variable.size),
      0,
    ),
    losses: batches.slice(0, job.proofSteps).map(train),
    versions: `${environment.backend} on TensorFlow ${environment.tensorflow}`,
  },
  { steps: (order) => repeated(order, job, (i) => train(batches[i]!)), epoch: () => files.epoch(train) },
)
await files.close()
