import { parentPort } from 'node:worker_threads'
import { answerCalls } from '../call-thread.ts'
import type { Job, JobResult } from './checkpoint-writer.ts'
import { saveCheckpoint } from './save-checkpoint.ts'
import { writeTensors } from './write-tensors.ts'

/** The thread behind `startCheckpointWriter`. */
function perform(job: Job): Promise<JobResult[Job['kind']]> {
  return job.kind === 'tensors' ? writeTensors(job.path, job.tensors) : saveCheckpoint(job.dir, job.content)
}

answerCalls(parentPort!, perform)
