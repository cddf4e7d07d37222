import { z } from 'zod'

/**
 * Samples of rare labels are drawn more often: each draw of an epoch takes a sample with a chance in proportion to its
 * weight, with replacement. N: samples of the fold, n: those that have the label. docs/spec/sampling.md.
 */
export const SampleSpec = z.strictObject({
  /** Weight of a label: `log` 1 + ln(N / n), `sqrt` √(N / n), `inverse` N / n; each is 1 for a label that all have. */
  weight: z.enum(['log', 'sqrt', 'inverse']).default('log'),
  /** Weight of a sample: that of its `rarest` label, or the `mean` over its labels; 1 without any. */
  over: z.enum(['rarest', 'mean']).default('rarest'),
})
export type SampleSpec = z.infer<typeof SampleSpec>
