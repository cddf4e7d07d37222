import type { RenderSubmission } from '@baton/core'
import { inThread } from './in-thread.ts'

/**
 * Writes a submission's file in a thread of its own, which reads the manifest there too: 110,000 samples of 1,100
 * labels take seconds.
 *
 * @throws {AppError} as `renderSubmission` does
 */
export const renderSubmissionInThread: RenderSubmission = (input) =>
  inThread(new URL('./render-submission-thread.ts', import.meta.url), input)
