import { parentPort, workerData } from 'node:worker_threads'
import { isAppError } from '@baton/contracts'
import { assemble } from '@baton/evaluation'
import type { AssembleInput } from '@baton/evaluation'
import type { AssembleReply } from './assemble-in-thread.ts'

/** The thread behind `assembleInThread`: answers once. An unexpected error ends it, and so reaches the caller. */
function answer(input: AssembleInput): AssembleReply {
  try {
    return { assembly: assemble(input) }
  } catch (error) {
    if (!isAppError(error)) throw error
    // A message carries an error without its code.
    return { problem: { code: error.code, facts: error.facts, detail: error.message } }
  }
}

parentPort!.postMessage(answer(workerData as AssembleInput))
