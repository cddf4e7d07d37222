import { readlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { answerCalls } from '../../call-thread.ts'
import { createPictureMaker } from './picture-maker.ts'
import type { MadePart, MakerOptions } from './picture-maker.ts'
import type { ThreadRequest } from './start-picture-thread.ts'

/** The thread behind `startPictureThread`. */
const maker = createPictureMaker(workerData as MakerOptions)

function perform(request: ThreadRequest): Promise<MadePart> {
  maker.learn(request.facts)
  return maker.make(request.job)
}

/**
 * Has this thread run when the others leave a core free: a training step waits for the slower of its threads, so that one
 * that is held up by decoding holds up all. A priority of one thread is known to Linux alone.
 */
function stepBack(): void {
  try {
    const thread = path.basename(readlinkSync('/proc/thread-self'))
    os.setPriority(Number(thread), os.constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Then pictures are made as urgently as steps.
  }
}

stepBack()
answerCalls(parentPort!, perform)
