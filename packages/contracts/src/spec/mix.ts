import { z } from 'zod'
import { Positive, Probability } from './parts.ts'

const mixBase = {
  /** λ is drawn from Beta(alpha, alpha). */
  alpha: Positive.max(100),
  /** Whether each picture has a λ of its own or the batch has one. */
  per: z.enum(['sample', 'batch']).default('sample'),
  /** How likely a picture, or a batch, is mixed. */
  p: Probability.default(1),
}

/** Pictures of a batch and their labels are mixed in pairs. docs/spec/mix.md has the formulas. */
export const MixSpec = z.discriminatedUnion('name', [
  /** Pictures are averaged, with λ or 1 − λ, whichever is more, for a picture itself. */
  z.strictObject({ name: z.literal('mixup'), ...mixBase, alpha: mixBase.alpha.default(0.2) }),
  /** A box of the other picture is pasted in. */
  z.strictObject({ name: z.literal('cutmix'), ...mixBase, alpha: mixBase.alpha.default(1) }),
])
export type MixSpec = z.infer<typeof MixSpec>
