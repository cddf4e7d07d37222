import { z } from 'zod'

/**
 * What convolutions, their gradients and matrix products are computed in while training: float32, bfloat16 or float16.
 * Weights, normalisation, losses, optimizers and predictions are float32 in each.
 */
export const Precision = z.enum(['fp32', 'bf16', 'fp16'])
export type Precision = z.infer<typeof Precision>
