import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { AppError, isAppError } from '@baton/contracts'
import type { ProblemCode } from '@baton/contracts'

/** What a thread answers: a message carries an error without its code. */
type Reply<Result> =
  | { readonly result: Result }
  | {
      readonly problem: {
        readonly code: ProblemCode
        readonly facts: Readonly<Record<string, unknown>>
        readonly detail: string
      }
    }

/**
 * Computes in a thread of its own what would keep this one from answering heartbeats and renewing leases.
 *
 * @param entry File that calls `answerFromThread`, by the URL that `scripts/bundle.mjs` looks for.
 * @throws {AppError} as the computation does
 */
export async function inThread<Input, Result>(entry: URL, input: Input): Promise<Result> {
  const thread = new Worker(entry, { workerData: input })
  const [reply] = (await once(thread, 'message')) as [Reply<Result>]
  if ('result' in reply) return reply.result
  const { code, facts, detail } = reply.problem
  throw new AppError(code, facts, { detail })
}

/** The other end of `inThread`: answers once. An unexpected error ends the thread, and so reaches the caller. */
export function answerFromThread<Input, Result>(compute: (input: Input) => Result): void {
  parentPort!.postMessage(replyOf(() => compute(workerData as Input)))
}

function replyOf<Result>(compute: () => Result): Reply<Result> {
  try {
    return { result: compute() }
  } catch (error) {
    if (!isAppError(error)) throw error
    return { problem: { code: error.code, facts: error.facts, detail: error.message } }
  }
}
