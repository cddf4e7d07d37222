import type { NamedTensorMap, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { NodeBackend } from './native.ts'
import { attribute, nodeBackend } from './native.ts'

/** A normalised batch and what it was normalised by. */
export interface NormalisedBatch {
  readonly y: Tensor4D // [batch, height, width, channels]
  readonly mean: Tensor1D // [channels]
  /** Biased: divided by the number of values, as it was used. */
  readonly variance: Tensor1D // [channels]
}

const KERNEL = 'BatonFusedBatchNorm'

/**
 * Batch normalisation in training: by the statistics of this very batch, over all but the last axis.
 *
 *   y = γ (x − μ) / √(σ² + ε) + β
 *
 * With tfjs-node one fused operation each way; elsewhere composed of tfjs's operations. Gradients flow to x, γ and β;
 * the statistics are for the moving averages and have none.
 *
 * @see Ioffe, Szegedy: Batch Normalization, algorithm 1, https://arxiv.org/abs/1502.03167
 */
export function fusedBatchNorm(tf: Tf, x: Tensor4D, gamma: Tensor1D, beta: Tensor1D, epsilon: number): NormalisedBatch {
  return nodeBackend(tf) ? fused(tf, x, gamma, beta, epsilon) : composed(tf, x, gamma, beta, epsilon)
}

/** Batch normalisation in inference: by statistics gathered in training, which stay as they are. */
export function inferenceBatchNorm(
  tf: Tf,
  x: Tensor4D,
  by: { gamma: Tensor1D; beta: Tensor1D; mean: Tensor1D; variance: Tensor1D },
  epsilon: number,
): Tensor4D {
  return tf.batchNorm(x, by.mean, by.variance, by.beta, by.gamma, epsilon)
}

function composed(tf: Tf, x: Tensor4D, gamma: Tensor1D, beta: Tensor1D, epsilon: number): NormalisedBatch {
  const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: Tensor1D; variance: Tensor1D }
  return { y: tf.batchNorm(x, mean, variance, beta, gamma, epsilon), mean, variance }
}

function fused(tf: Tf, x: Tensor4D, gamma: Tensor1D, beta: Tensor1D, epsilon: number): NormalisedBatch {
  registerKernel(tf)
  const inputs: NamedTensorMap = { x, gamma, beta }
  const [y, mean, unbiased] = tf.engine().runKernel<Tensor[]>(KERNEL, inputs, { epsilon })
  const count = x.size / x.shape[3]
  const variance = tf.mul(unbiased!, (count - 1) / count)
  return { y: y as Tensor4D, mean: mean as Tensor1D, variance: variance as Tensor1D }
}

/** A kernel of several outputs with its gradient, which `tf.customGrad` cannot have. Registered once a process. */
function registerKernel(tf: Tf): void {
  const backendName = tf.getBackend()
  if ((tf.getKernel(KERNEL, backendName) as unknown) !== undefined) return
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { x, gamma, beta } = inputs as { x: Tensor; gamma: Tensor; beta: Tensor }
      const none = tf.tensor1d([], 'float32')
      const attributes = [...attributesOf(Number(attrs?.epsilon)), attribute.float('exponential_avg_factor', 1)]
      // y, mean, unbiased variance, and three that only the gradient understands.
      const outputs = (backend as NodeBackend).executeMultipleOutputs(
        'FusedBatchNormV3',
        attributes,
        [x, gamma, beta, none, none],
        6,
      )
      none.dispose()
      return outputs
    },
  })
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: (dys, saved, attrs) => {
      const [dx, dGamma, dBeta, ...unused] = (tf.backend() as NodeBackend).executeMultipleOutputs(
        'FusedBatchNormGradV3',
        attributesOf(Number(attrs.epsilon)),
        [(dys as Tensor[])[0]!, ...saved],
        5,
      )
      tf.dispose(unused)
      return { x: () => dx!, gamma: () => dGamma!, beta: () => dBeta! }
    },
  })
}

/** `U`, the dtype of the statistics, is inferred when run eagerly and must be named in a graph. */
function attributesOf(epsilon: number) {
  return [
    attribute.floatType('T'),
    attribute.floatType('U'),
    attribute.float('epsilon', epsilon),
    attribute.string('data_format', 'NHWC'),
    attribute.bool('is_training', true),
  ]
}
