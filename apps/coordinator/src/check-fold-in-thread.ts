import type { CheckFold } from '@baton/core'
import { inThread } from './in-thread.ts'

/**
 * Checks a fold's predictions in a thread of its own: 110,000 samples of 1,100 labels take seconds.
 *
 * @throws {AppError} `predictions-incomplete`
 */
export const checkFoldInThread: CheckFold = (input) =>
  inThread(new URL('./check-fold-thread.ts', import.meta.url), input)
