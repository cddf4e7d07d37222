import type { Tensor, Tensor1D, Variable } from '@tensorflow/tfjs'

/** What a variable is for: weight decay is for kernels alone, and a statistic is gathered, not trained. */
export type Role = 'kernel' | 'bias' | 'norm' | 'statistic'

export interface ModelVariable {
  /** Unique in the model, and what its value is saved by: `layer1/0/bn1/gamma`. */
  readonly name: string
  readonly role: Role
  /** The layer group it belongs to. */
  readonly group: string
  readonly variable: Variable
}

/**
 * How a forward pass goes. In training, batches are normalised by their own statistics, which move the gathered ones,
 * and dropout draws by `seed`, int32 [2]: the run and the step. Otherwise nothing moves and nothing is drawn; that is
 * how a frozen part runs too.
 */
export type Pass = { readonly training: false } | { readonly training: true; readonly seed: Tensor1D }

/**
 * A run of layers that stages train or freeze as one. The first group takes normalised images, float32
 * [batch, size, size, 3], each further one what the one before it gives, and the last one, `head`, gives one logit a
 * label, [batch, classes].
 */
export interface LayerGroup {
  /** One word, unique in the model: `stem`, `layer1`. */
  readonly name: string
  /** What it takes is what the group before it gives; no type follows that, so `runGroups` is who calls it. */
  readonly run: (x: never, pass: Pass) => Tensor
}

/** The name of every model's last group. */
export const HEAD = 'head'

export interface Model {
  /** In the order in which images pass through them; the last is `head`. */
  readonly groups: readonly LayerGroup[]
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
