import type { LossSpec } from '@baton/contracts'
import { AppError, assertNever } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import type { BundleModule, LossFunction } from '../models/bundle.ts'
import { guardBundle } from '../models/guard-bundle.ts'
import { bce } from './bce.ts'

/**
 * The loss that a spec describes.
 *
 * @throws {AppError} `user-code-failed`, when the bundle has no `loss` export or it fails
 */
export function buildLoss(
  spec: LossSpec,
  { tf, classes, bundle }: { tf: Tf; classes: number; bundle?: BundleModule | undefined },
): LossFunction {
  switch (spec.name) {
    case 'bce':
      return (logits, labels) => bce(tf, logits, labels, spec)
    case 'bundle': {
      const { loss } = bundle ?? {}
      if (loss === undefined)
        throw new AppError('user-code-failed', {}, { detail: 'the spec asks for a bundle loss; export `loss` from it' })
      return guardBundle('loss', guardBundle('loss', loss)({ tf, classes, options: spec.options }))
    }
    default:
      return assertNever(spec)
  }
}
