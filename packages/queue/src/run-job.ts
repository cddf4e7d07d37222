import { isAppError, problems } from '@baton/contracts'
import { DelayedError, UnrecoverableError } from 'bullmq'
import type { Job, Processor } from 'bullmq'
import { jobs } from './catalog.ts'
import type { JobContext, JobKind } from './catalog.ts'

export type AnyHandler = (payload: never, context: JobContext) => Promise<unknown>

/**
 * Runs a kind's jobs in its handler. A payload that does not fit, and an expected failure that a repetition cannot
 * change, end the job at once; whatever else is thrown has it tried again as the catalog says.
 */
export function processorOf(kind: JobKind, handler: AnyHandler): Processor<object, void> {
  return async (job, token) => {
    const payload = jobs[kind].payload.safeParse(job.data)
    if (!payload.success) throw new UnrecoverableError(`payload of ${kind} does not fit: ${payload.error.message}`)
    try {
      await handler(payload.data as never, contextOf(job, token))
    } catch (error) {
      if (isAppError(error) && !problems[error.code].retryable)
        throw Object.assign(new UnrecoverableError(error.message), { cause: error })
      throw error
    }
  }
}

function contextOf(job: Job, token: string | undefined): JobContext {
  return {
    attempt: job.attemptsMade + 1,
    postpone: async (delayMs) => {
      await job.moveToDelayed(Date.now() + delayMs, token)
      throw new DelayedError()
    },
  }
}
