import type { DatasetManifest } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { ImageSource } from '../data/image-source.ts'
import { viewBatches } from '../data/views.ts'
import type { Views } from '../data/views.ts'
import type { Embedded, Predictor, StageProgram } from '../step/stage-program.ts'
import { breathe } from './interrupts.ts'

export interface PredictSamples {
  readonly program: Pick<StageProgram, 'predict' | 'embed'>
  readonly manifest: DatasetManifest
  readonly source: ImageSource
  readonly views: Views
  /** Side of the images in pixels. */
  readonly size: number
  /** Most images at a time. */
  readonly batch: number
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  readonly labels: number
  /** Called before every batch; what it throws ends the prediction. */
  readonly onBatch: () => void
}

/**
 * Probabilities of samples, as a pure function of the program's weights: of each the mean over its views.
 *
 * @returns Row-major, in the order of `samples`. [n, labels]
 * @throws {AppError} `loss-not-finite` when a probability is no number: the weights are broken; `sample-broken`
 */
export async function predictSamples(options: PredictSamples, by: Predictor): Promise<Float32Array> {
  const { program, samples, labels } = options
  const probability = new Float32Array(samples.length * labels)
  let done = 0
  for await (const own of eachBatch(options, (images, n) => ({ probabilities: program.predict(images, n, by) }))) {
    probability.set(own.probabilities, done)
    done += own.probabilities.length
  }
  return probability
}

/**
 * The same by the weights, with embeddings, batch by batch in the order of `samples`: of each the mean over its views.
 *
 * @throws {AppError} as `predictSamples`
 */
export function embedSamples(options: PredictSamples): AsyncGenerator<Embedded, void> {
  return eachBatch(options, (images, n) => ({ ...options.program.embed(images, n) }))
}

/** @param of Rows of numbers by name, one for each picture. */
async function* eachBatch<T extends Record<string, Float32Array>>(
  options: PredictSamples,
  of: (images: Uint8Array, n: number) => T,
): AsyncGenerator<T, void> {
  const { manifest, source, views, samples, onBatch } = options
  for await (const { images, samples: own } of viewBatches(source, views, samples, options)) {
    onBatch()
    const made = of(images, own.length * views.count)
    source.giveBack(images)
    const means = Object.entries(made).map(([name, values]) => [name, meanOf(values, own.length, views.count)] as const)
    for (const [, values] of means) {
      const broken = values.findIndex((value) => !Number.isFinite(value))
      if (broken >= 0) throw notFinite(manifest, own[Math.floor((broken * own.length) / values.length)]!)
    }
    yield Object.fromEntries(means) as T
    await breathe()
  }
}

/** @param values [n, views, width] @returns [n, width] */
function meanOf(values: Float32Array, n: number, views: number): Float32Array {
  const width = values.length / (n * views)
  return Float32Array.from({ length: n * width }, (_, i) => {
    const first = Math.floor(i / width) * views * width + (i % width)
    let sum = 0
    for (let view = 0; view < views; view++) sum += values[first + view * width]!
    return sum / views
  })
}

function notFinite(manifest: DatasetManifest, sample: number): AppError {
  const { id } = manifest.samples[sample]!
  const detail = `the model's prediction for sample ${id} is not a number: its weights are broken`
  return new AppError('loss-not-finite', { samples: [id] }, { detail })
}
