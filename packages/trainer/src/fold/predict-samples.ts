import type { DatasetManifest } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { ImageSource } from '../data/image-source.ts'
import { viewBatches } from '../data/views.ts'
import type { Views } from '../data/views.ts'
import type { Predictor, StageProgram } from '../step/stage-program.ts'
import { breathe } from './interrupts.ts'

export interface PredictSamples {
  readonly program: Pick<StageProgram, 'predict'>
  readonly by: Predictor
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
export async function predictSamples(options: PredictSamples): Promise<Float32Array> {
  const { program, by, manifest, source, views, samples, labels, onBatch } = options
  const probability = new Float32Array(samples.length * labels)
  let done = 0
  for await (const { images, samples: own } of viewBatches(source, views, samples, options)) {
    onBatch()
    const predicted = meanOf(program.predict(images, own.length * views.count, by), views.count, labels)
    source.giveBack(images)
    const broken = predicted.findIndex((value) => !Number.isFinite(value))
    if (broken >= 0) throw notFinite(manifest, own[Math.floor(broken / labels)]!)
    probability.set(predicted, done * labels)
    done += own.length
    await breathe()
  }
  return probability
}

/** @param probabilities [n, views, labels] @returns [n, labels] */
function meanOf(probabilities: Float32Array, views: number, labels: number): Float32Array {
  return Float32Array.from({ length: probabilities.length / views }, (_, i) => {
    const first = Math.floor(i / labels) * views * labels + (i % labels)
    let sum = 0
    for (let view = 0; view < views; view++) sum += probabilities[first + view * labels]!
    return sum / views
  })
}

function notFinite(manifest: DatasetManifest, sample: number): AppError {
  const { id } = manifest.samples[sample]!
  const detail = `the model's prediction for sample ${id} is not a number: its weights are broken`
  return new AppError('loss-not-finite', { samples: [id] }, { detail })
}
