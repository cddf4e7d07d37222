import { z } from 'zod'

/**
 * What becomes of a training that runs out of memory.
 *
 * shrink  it goes back to its last checkpoint, and does its batches in twice as many parts, or predicts half as many
 *         pictures at a time, as often as it takes
 * fail    the fold fails
 */
export const OnOom = z.enum(['shrink', 'fail'])
export type OnOom = z.infer<typeof OnOom>
