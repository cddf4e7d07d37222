import { parentPort } from 'node:worker_threads'
import type { WriteReply, WriteRequest } from './tensor-writer.ts'
import { writeTensors } from './write-tensors.ts'

/** The thread behind `startTensorWriter`: answers each request with the file it wrote, or why it could not. */
async function answer({ id, path, tensors }: WriteRequest): Promise<WriteReply> {
  try {
    return { id, file: await writeTensors(path, tensors) }
  } catch (error) {
    return { id, error }
  }
}

parentPort!.on(
  'message',
  (request: WriteRequest) => void answer(request).then((reply) => parentPort!.postMessage(reply)),
)
