import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { LossSpec } from '@baton/contracts'
import { AppError, assertNever } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import type { BundleModule, LossFunction } from '../models/bundle.ts'
import { guardBundle } from '../models/guard-bundle.ts'
import { asymmetric } from './asymmetric.ts'
import { bce } from './bce.ts'
import { focal } from './focal.ts'
import { forgiving } from './forgiving.ts'
import { positiveWeights } from './positive-weights.ts'
import type { LabelColumns } from './positive-weights.ts'
import { softFbeta } from './soft-fbeta.ts'
import { softmaxCrossEntropy } from './softmax.ts'

export interface BuildLoss {
  readonly tf: Tf
  /** Of all label groups, in order. */
  readonly labelColumns: readonly LabelColumns[]
  readonly bundle?: BundleModule | undefined
}

export interface Loss {
  readonly lossOf: LossFunction
  /** Logits to probabilities, both [batch, classes]: what the loss takes logits for. */
  readonly activate: (logits: Tensor2D) => Tensor2D
  readonly dispose: () => void
}

/**
 * The loss that a spec describes.
 *
 * @throws {AppError} `user-code-failed`, when the bundle has no `loss` export or it fails; `spec-invalid`, when positive
 *   weights do not fit the labels
 */
export function buildLoss(spec: LossSpec, options: BuildLoss): Loss {
  const { tf, labelColumns } = options
  const weights = 'positiveWeight' in spec ? positiveWeights(spec.positiveWeight, labelColumns) : 1
  const positiveWeight = typeof weights === 'number' ? weights : tf.tensor1d(weights)
  return {
    lossOf: lossFunction(spec, options, positiveWeight),
    activate: spec.name === 'softmax' ? (logits) => tf.softmax(logits) : (logits) => tf.sigmoid(logits),
    dispose() {
      if (typeof positiveWeight !== 'number') positiveWeight.dispose()
    },
  }
}

function lossFunction(
  spec: LossSpec,
  { tf, labelColumns, bundle }: BuildLoss,
  positiveWeight: number | Tensor1D,
): LossFunction {
  switch (spec.name) {
    case 'bce':
      return (logits, labels) => bce(tf, logits, labels, { ...spec, positiveWeight })
    case 'focal':
      return (logits, labels) => focal(tf, logits, labels, spec)
    case 'soft-fbeta':
      return (logits, labels) => softFbeta(tf, logits, labels, spec.beta)
    case 'bce+fbeta':
      return (logits, labels) => {
        const fbeta = softFbeta(tf, logits, labels, spec.beta)
        return tf.add(bce(tf, logits, labels, { ...spec, positiveWeight }), tf.mul(fbeta, spec.fbetaWeight))
      }
    case 'forgiving':
      return (logits, labels) => forgiving(tf, logits, labels, spec.forgivingWeight)
    case 'asymmetric':
      return (logits, labels) => asymmetric(tf, logits, labels, spec)
    case 'softmax':
      return (logits, labels) => softmaxCrossEntropy(tf, logits, labels, spec.labelSmoothing)
    case 'bundle': {
      const { loss } = bundle ?? {}
      if (loss === undefined)
        throw new AppError('user-code-failed', {}, { detail: 'the spec asks for a bundle loss; export `loss` from it' })
      const classes = labelColumns.at(-1)!.end
      return guardBundle('loss', guardBundle('loss', loss)({ tf, classes, options: spec.options }))
    }
    default:
      return assertNever(spec)
  }
}
