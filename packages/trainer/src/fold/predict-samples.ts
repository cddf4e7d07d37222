import type { DatasetManifest, EvaluateSpec } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import { augmentImages } from '../data/augment.ts'
import { plainBatches } from '../data/batches.ts'
import type { ImageSource } from '../data/image-source.ts'
import type { StageProgram } from '../step/stage-program.ts'
import { breathe } from './interrupts.ts'

export interface PredictSamples {
  readonly program: Pick<StageProgram, 'predict'>
  readonly manifest: DatasetManifest
  readonly source: ImageSource
  /** Side of the images in pixels. */
  readonly size: number
  readonly evaluate: EvaluateSpec
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  readonly labels: number
  /** Called before every batch; what it throws ends the prediction. */
  readonly onBatch: () => void
}

/**
 * Probabilities of samples, as a pure function of the program's weights. With `tta: flip` each is the mean of the plain
 * and the mirrored picture's.
 *
 * @returns Row-major, in the order of `samples`. [n, labels]
 * @throws {AppError} `loss-not-finite` when a probability is no number: the weights are broken; `sample-broken`
 */
export async function predictSamples(options: PredictSamples): Promise<Float32Array> {
  const { manifest, source, evaluate, samples, labels, onBatch } = options
  const probability = new Float32Array(samples.length * labels)
  let done = 0
  for await (const { images, samples: own } of plainBatches(manifest, source, samples, evaluate.batch)) {
    onBatch()
    const predicted = predictViews(options, images, own.length)
    const broken = predicted.findIndex((value) => !Number.isFinite(value))
    if (broken >= 0) throw notFinite(manifest, own[Math.floor(broken / labels)]!)
    probability.set(predicted, done * labels)
    done += own.length
    await breathe()
  }
  return probability
}

function predictViews({ program, size, evaluate }: PredictSamples, images: Uint8Array, n: number): Float32Array {
  const plain = program.predict(images, n)
  if (evaluate.tta === 'none') return plain
  const flip = { flip: true, right: 0, down: 0 }
  augmentImages(
    images,
    Array.from({ length: n }, () => flip),
    { size, background: 0 },
  )
  const mirrored = program.predict(images, n)
  return plain.map((value, i) => (value + mirrored[i]!) / 2)
}

function notFinite(manifest: DatasetManifest, sample: number): AppError {
  const { id } = manifest.samples[sample]!
  const detail = `the model's prediction for sample ${id} is not a number: its weights are broken`
  return new AppError('loss-not-finite', { samples: [id] }, { detail })
}
