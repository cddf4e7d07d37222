import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { ImageSpec, StageSpec } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import { trainSize } from '../data/augment/model-picture.ts'
import type { ComputeDtype, Feeds, Outputs, ProgramSpec, Signature } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { Loss } from '../losses/build.ts'
import { distilled } from '../losses/distilled.ts'
import type { MixedTeacher } from '../losses/distilled.ts'
import { embeddingOf } from '../models/embedding.ts'
import { runGroups, trainedGroups } from '../models/groups.ts'
import type { LayerGroup, Model, ModelVariable, Pass } from '../models/model.ts'
import { clipByNorm, globalNorm } from '../optimizers/clip.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import type { Average } from './average.ts'
import type { Gathered } from './gathered.ts'
import { assignIfFinite } from './loss-scale.ts'
import type { LossScale } from './loss-scale.ts'

/** What a stage's program is made of. */
export interface Composition {
  readonly tf: Tf
  readonly model: Model
  readonly stage: StageSpec
  /** Of predictions; a stage may train at another size. */
  readonly image: ImageSpec
  readonly classes: number
  readonly loss: Loss
  /** A teacher's part in the loss; null: it has none. */
  readonly teacher: MixedTeacher | null
  readonly targets: readonly ModelVariable[]
  readonly optimizer: Optimizer
  /** Of the weights; null where none is kept. */
  readonly average: Average | null
  /** Where a batch is done in parts; null: in one. */
  readonly gathered: Gathered | null
  /** Of training; predictions are float32. */
  readonly computeDtype: ComputeDtype
  /** Null where gradients are in no danger of vanishing. */
  readonly lossScale: LossScale | null
  /** Whether embeddings are asked for. */
  readonly embeds: boolean
  /** Whether model and loss are Baton's own, which do nothing that a graph would freeze. */
  readonly trusted: boolean
}

/** The step and the prediction as signatures over the model's and the optimizer's state. */
export function compose(parts: Composition): ProgramSpec {
  const { model, stage, image, classes, optimizer, average, gathered, teacher, computeDtype, lossScale } = parts
  const imagesOf = (size: number) => ({ shape: [null, size, size, 3], dtype: 'uint8' }) as const
  const trainImages = imagesOf(trainSize(stage, image))
  const labels = { shape: [null, classes], dtype: 'float32' } as const
  const predicted = { images: imagesOf(image.size) }
  const given: Signature['inputs'] = {
    images: trainImages,
    labels,
    ...(teacher ? { teacher: labels } : {}),
    seed: { shape: [2], dtype: 'int32' },
    // What each is averaged with, and the part that it keeps of itself.
    ...(stage.mix?.name === 'mixup' && { partners: trainImages, lambda: { shape: [null], dtype: 'float32' } }),
    ...(gathered && { share: { shape: [], dtype: 'float32' } }),
  }
  return {
    trusted: parts.trusted,
    state: [
      ...model.variables,
      ...optimizer.state,
      ...(average?.state ?? []),
      ...(gathered?.state ?? []),
      ...(lossScale?.state ?? []),
    ],
    signatures: {
      train: {
        inputs: { ...given, rates: optimizer.rateInput, ...(average && { average: average.rateInput }) },
        run: (feeds) => trainStep(parts, feeds),
        computeDtype,
        group: 'train',
      },
      ...(gathered && {
        gather: { inputs: given, run: (feeds) => gatherStep(parts, gathered, feeds), computeDtype, group: 'train' },
      }),
      predict: { inputs: predicted, run: (feeds) => predict(parts, feeds), group: 'predict' },
      ...(average && {
        predictByAverage: {
          inputs: predicted,
          run: (feeds) => average.inPlace(() => predict(parts, feeds)),
          group: 'predict',
        },
      }),
      ...(parts.embeds && {
        embed: { inputs: predicted, run: (feeds) => predict(parts, feeds, true), group: 'predict' },
      }),
    },
  }
}

const inference: Pass = { training: false }

/** Forward, backward, clip, update, average. */
function trainStep(parts: Composition, feeds: Feeds): Outputs {
  const { tf, stage, targets, optimizer, average, gathered, lossScale } = parts
  const { gradients: own, ...losses } = differentiate(parts, feeds)
  const gradients = gathered ? gathered.take(own) : own
  const gradNorm = globalNorm(tf, gradients)
  const clipped = stage.clipNorm === null ? gradients : clipByNorm(tf, gradients, gradNorm, stage.clipNorm)
  const update = () => optimizer.apply(clipped, feeds.rates as Tensor2D)
  if (lossScale) assignIfFinite(tf, [...targets, ...optimizer.state], update, () => gradNorm)
  else update()
  // Moves even where nothing else did: at the first step it begins with the weights.
  average?.apply(feeds.average as Scalar)
  return { ...losses, gradNorm, ...(lossScale && { lossScale: lossScale.adapt(tf.isFinite(gradNorm)) }) }
}

/** Forward and backward of a part of a batch that is not the last. */
function gatherStep(parts: Composition, gathered: Gathered, feeds: Feeds): Outputs {
  const { gradients, ...losses } = differentiate(parts, feeds)
  gathered.add(gradients)
  return losses
}

interface Differentiated {
  readonly loss: Tensor
  readonly losses?: Tensor
  /** In the order of the targets; of a part of a batch times its share. */
  readonly gradients: readonly Tensor[]
}

/** Forward and backward. With a loss scale, statistics move only where no gradient has overflowed. */
function differentiate(parts: Composition, feeds: Feeds): Differentiated {
  const { tf, model, lossScale } = parts
  const compute = () => differentiateLoss(parts, feeds)
  if (!lossScale) return compute()
  const statistics = model.variables.filter(({ role }) => role === 'statistic')
  return assignIfFinite(tf, statistics, compute, ({ gradients }) => globalNorm(tf, gradients))
}

function differentiateLoss(parts: Composition, feeds: Feeds): Differentiated {
  const { tf, model, stage, image, classes, loss, teacher, targets, lossScale } = parts
  const pass: Pass = { training: true, seed: feeds.seed as Tensor1D }
  const images = normalise(tf, blend(tf, feeds), image)
  const trained = trainedGroups(model, stage)
  const passOf = ({ name }: LayerGroup) => (trained.has(name) ? pass : inference)
  const lowest = model.groups.findIndex(({ name }) => trained.has(name))
  // Frozen groups below the lowest trained one run outside of what is differentiated: nothing of them is kept for a
  // backward pass.
  const features = runGroups(model.groups.slice(0, lowest), images, () => inference)
  let losses: Tensor1D | undefined
  const { value, grads } = tf.variableGrads(
    () => {
      const output = runGroups(model.groups.slice(lowest), features, passOf) as Tensor2D
      const logits = checkLogits(output, images.shape[0], classes)
      const own = loss.lossOf(logits, feeds.labels as Tensor2D)
      const given = teacher ? distilled(tf, { own, logits, softened: feeds.teacher as Tensor2D }, teacher) : own
      const scale = (mean: Scalar) => lossScale?.scaled(mean) ?? mean
      if (given.rank === 0) return scale(given as Scalar)
      // Kept from being freed with all else that the backward pass no longer needs.
      losses = tf.keep(checkLosses(given as Tensor1D, images.shape[0]))
      return scale(tf.mean<Scalar>(losses))
    },
    targets.map(({ variable }) => variable),
  )
  // A bundle's model may leave a variable out of a pass.
  const unscale = (result: Tensor) => lossScale?.unscaled(result) ?? result
  const whole = targets.map(({ variable }) => unscale(grads[variable.name] ?? tf.zerosLike(variable)))
  const { share } = feeds
  const gradients = share ? whole.map((gradient) => tf.mul(gradient, share)) : whole
  return { loss: unscale(value), ...(losses && { losses }), gradients }
}

/** @param embeds Whether what the head makes the prediction of is given beside it. */
function predict({ tf, model, image, classes, loss }: Composition, feeds: Feeds, embeds = false): Outputs {
  const images = normalise(tf, feeds.images!, image)
  const features = runGroups(model.groups.slice(0, -1), images, () => inference)
  const logits = runGroups(model.groups.slice(-1), features, () => inference) as Tensor2D
  const probabilities = loss.activate(checkLogits(logits, images.shape[0], classes))
  return { probabilities, ...(embeds && { embeddings: embeddingOf(tf, features) }) }
}

/** The built-in models give one logit a label; a bundle's may not. */
function checkLogits(logits: Tensor2D, n: number, classes: number): Tensor2D {
  if (logits.shape.join() === `${n},${classes}`) return logits
  const detail = `the model gives logits of shape [${logits.shape.join(', ')}]; [${n}, ${classes}] is needed`
  throw new AppError('user-code-failed', { shape: logits.shape }, { detail })
}

/** A bundle's loss may be of another shape than it should. */
function checkLosses(losses: Tensor1D, n: number): Tensor1D {
  if (losses.shape.join() === `${n}`) return losses
  const detail = `the loss gives values of shape [${losses.shape.join(', ')}]; one a sample, [${n}], or their mean is needed`
  throw new AppError('user-code-failed', { shape: losses.shape }, { detail })
}

/** x ← λ x + (1 − λ) x of the partner, where partners are fed. */
function blend(tf: Tf, { images, partners, lambda }: Feeds): Tensor {
  if (!partners || !lambda) return images!
  const part = tf.reshape(lambda, [-1, 1, 1, 1])
  const [own, other] = [tf.cast(images!, 'float32'), tf.cast(partners, 'float32')]
  return tf.add(tf.mul(own, part), tf.mul(other, tf.sub(1, part)))
}

/** x ← (x / 255 − mean) / std, per colour. [n, size, size, 3], to float32. */
export function normalise(tf: Tf, images: Tensor, { mean, std }: ImageSpec): Tensor4D {
  const scale = tf.tensor1d(std.map((deviation) => 1 / (255 * deviation)))
  const shift = tf.tensor1d(mean.map((value, colour) => -value / std[colour]!))
  return tf.add(tf.mul(tf.cast(images, 'float32'), scale), shift)
}
