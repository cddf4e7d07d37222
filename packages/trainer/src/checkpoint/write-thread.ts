import { parentPort } from 'node:worker_threads'
import type { Job, JobReply, JobRequest, JobResult } from './checkpoint-writer.ts'
import { saveCheckpoint } from './save-checkpoint.ts'
import { writeTensors } from './write-tensors.ts'

/** The thread behind `startCheckpointWriter`: answers each request with what it wrote, or why it could not. */
async function answer({ id, job }: JobRequest): Promise<JobReply> {
  try {
    return { id, result: await perform(job) }
  } catch (error) {
    return { id, error }
  }
}

function perform(job: Job): Promise<JobResult[Job['kind']]> {
  return job.kind === 'tensors' ? writeTensors(job.path, job.tensors) : saveCheckpoint(job.dir, job.content)
}

parentPort!.on('message', (request: JobRequest) => void answer(request).then((reply) => parentPort!.postMessage(reply)))
