import { z } from 'zod'

export const Positive = z.number().positive()
export const Probability = z.number().min(0).max(1)

/** Names a field that is wrong beside another one, with the reason and the remedy. `path` is relative to the part. */
export type AddFault = (path: readonly PropertyKey[], message: string) => void
