import type { BlendExperiments } from '@baton/core'
import { inThread } from './in-thread.ts'

/**
 * Blends experiments in a thread of its own: searching weights takes minutes.
 *
 * @throws {AppError} `predictions-incomplete`
 */
export const blendInThread: BlendExperiments = (input) => inThread(new URL('./blend-thread.ts', import.meta.url), input)
