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

answerCalls(parentPort!, perform)
