import { parentPort } from 'node:worker_threads'
import { assertNever } from '@baton/contracts'
import { answerCalls } from '../call-thread.ts'
import type { Job, JobResult } from './checkpoint-writer.ts'
import { readHashed } from './read-hashed.ts'
import { saveCheckpoint } from './save-checkpoint.ts'
import { writeTensors } from './write-tensors.ts'

type Result = JobResult[Job['kind']]

/** The thread behind `startCheckpointWriter`. */
function perform(job: Job): Promise<Result> {
  switch (job.kind) {
    case 'tensors':
      return writeTensors(job.path, job.tensors)
    case 'checkpoint':
      return saveCheckpoint(job.dir, job.content)
    case 'read':
      return readHashed(job.path)
    default:
      return assertNever(job)
  }
}

/** What was read is not copied; a small file may stand in memory that others share. */
function handedOver(result: Result): ArrayBuffer[] {
  if (!('bytes' in result) || result.bytes.length < result.bytes.buffer.byteLength) return []
  return [result.bytes.buffer as ArrayBuffer]
}

answerCalls(parentPort!, perform, handedOver)
