import type { Assemble } from '@baton/core'
import { inThread } from './in-thread.ts'

/**
 * Scores predictions in a thread of its own: 110,000 samples of 1,100 labels take most of a minute.
 *
 * @throws {AppError} `predictions-incomplete`
 */
export const assembleInThread: Assemble = (input) => inThread(new URL('./assemble-thread.ts', import.meta.url), input)
