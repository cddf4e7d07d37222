import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'

/** What a variable is for: weight decay is for kernels alone, and a statistic is gathered, not trained. */
export type Role = 'kernel' | 'bias' | 'norm' | 'statistic'

/** Stages freeze by part: the body finds features, the head turns them into logits. */
export type Part = 'body' | 'head'

export interface ModelVariable {
  /** Unique in the model, and what its value is saved by: `group1/block0/bn1/gamma`. */
  readonly name: string
  readonly role: Role
  readonly part: Part
  readonly variable: Variable
}

/**
 * How a forward pass goes. In training, batches are normalised by their own statistics, which move the gathered ones,
 * and dropout draws by `seed`, int32 [2]: the run and the step. Otherwise nothing moves and nothing is drawn; that is
 * how a frozen part runs too.
 */
export type Pass = { readonly training: false } | { readonly training: true; readonly seed: Tensor1D }

/** What a model computes. */
export interface Forward {
  /** Normalised images, float32 [batch, size, size, 3], to features of any shape. */
  readonly body: (images: Tensor4D, pass: Pass) => Tensor
  /** Features to one logit a label, [batch, classes]. */
  readonly head: (features: Tensor, pass: Pass) => Tensor2D
}

export interface Model extends Forward {
  /** In the order in which they were made. */
  readonly variables: readonly ModelVariable[]
  /** Frees the variables. */
  dispose(): void
}

/** Values by variable name, as checkpoints hold them. */
export type NamedTensors = ReadonlyMap<string, NamedTensor>

export interface NamedTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}
