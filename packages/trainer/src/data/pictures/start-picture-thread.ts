import { Worker } from 'node:worker_threads'
import { callThread } from '../../call-thread.ts'
import type { Fact, MadePart, MakerOptions, PictureJob, PictureMaker } from './picture-maker.ts'

export interface ThreadRequest {
  /** What was learnt since the request before. */
  readonly facts: readonly Fact[]
  readonly job: PictureJob
}

/** Makes pictures in a thread of its own. Where that ends by itself, what it was asked for fails, and all from then on. */
export function startPictureThread(options: MakerOptions): PictureMaker {
  const thread = new Worker(new URL('./picture-thread.ts', import.meta.url), { workerData: options })
  const { call } = callThread<ThreadRequest, MadePart>(thread, 'makes pictures')
  let facts: Fact[] = []
  return {
    learn(more) {
      facts.push(...more)
    },
    make(job) {
      const learnt = facts
      facts = []
      return call({ facts: learnt, job })
    },
    async close() {
      await thread.terminate()
    },
  }
}
