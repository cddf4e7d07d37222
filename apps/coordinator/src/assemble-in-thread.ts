import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { AppError } from '@baton/contracts'
import type { ProblemCode } from '@baton/contracts'
import type { Assemble } from '@baton/core'
import type { Assembly } from '@baton/evaluation'

/** What the thread answers. */
export type AssembleReply =
  | { readonly assembly: Assembly }
  | {
      readonly problem: {
        readonly code: ProblemCode
        readonly facts: Readonly<Record<string, unknown>>
        readonly detail: string
      }
    }

/**
 * Scores predictions in a thread of its own: 110,000 samples of 1,100 labels take most of a minute, in which
 * heartbeats must be answered and leases renewed.
 *
 * @throws {AppError} `predictions-incomplete`
 */
export const assembleInThread: Assemble = async (input) => {
  const thread = new Worker(new URL('./assemble-thread.ts', import.meta.url), { workerData: input })
  const [reply] = (await once(thread, 'message')) as [AssembleReply]
  if ('assembly' in reply) return reply.assembly
  const { code, facts, detail } = reply.problem
  throw new AppError(code, facts, { detail })
}
