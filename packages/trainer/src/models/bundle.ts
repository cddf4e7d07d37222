import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { Layers } from './layers.ts'
import type { GroupTools } from './groups.ts'
import type { LayerGroup, Pass } from './model.ts'

/** Options as the spec gives them beside `name: bundle`. */
type BundleOptions = Readonly<Record<string, unknown>>

/**
 * What a code bundle may export, each piece in place of a built-in one. A piece is a factory: it is called once a
 * session with TensorFlow.js and Baton's helpers, so a bundle imports neither.
 *
 * What a piece returns must be a function of its arguments alone, without `Math.random`, `Date` or counters of its
 * own: that is what makes a resumed training equal one that never stopped.
 */
export interface BundleModule {
  readonly model?: (tools: ModelTools) => BundleModel
  readonly loss?: (tools: LossTools) => LossFunction
  readonly dataset?: (tools: DatasetTools) => ChangeBatch
}

/** A bundle's model: two layer groups, named `body` and `head`, or as many as it likes, of which the last is `head`. */
export type BundleModel = BodyAndHead | { readonly groups: readonly LayerGroup[] }

interface BodyAndHead {
  /** Normalised images, float32 [batch, size, size, 3], to features of any shape. */
  readonly body: (images: Tensor4D, pass: Pass) => Tensor
  /** Features to one logit a label, [batch, classes]. */
  readonly head: (features: Tensor, pass: Pass) => Tensor2D
}

export interface ModelTools extends GroupTools {
  /** Makes the layers of the group `body`; their names have no prefix. */
  readonly body: Layers
  /** Makes the layers of the group `head`; their names begin with `head/`. */
  readonly head: Layers
  readonly options: BundleOptions
}

export interface LossTools {
  readonly tf: Tf
  readonly classes: number
  readonly options: BundleOptions
}

/**
 * Logits and labels, both [batch, classes], to one value a sample, [batch], whose mean training makes smaller. A bundle
 * may give the mean itself; then there is no telling which samples are hard.
 */
export type LossFunction = (logits: Tensor2D, labels: Tensor2D) => Tensor1D | Scalar

interface DatasetTools {
  readonly classes: number
  readonly imageSize: number
}

/** A train batch, after the spec's own augmentation and before the step; changed in place. */
interface ChangeableBatch {
  /** RGB, 0 to 255. [n, size, size, 3] */
  readonly images: Uint8Array
  /** 0 to 1. [n, classes] */
  readonly labels: Float32Array
}

/**
 * Changes a train batch: more augmentation, mixup, other labels.
 *
 * @param draw The i-th random number of this batch, uniform in [0, 1): the same whenever this batch is made again.
 */
export type ChangeBatch = (batch: ChangeableBatch, draw: (i: number) => number) => void
