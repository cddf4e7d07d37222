import { Worker } from 'node:worker_threads'
import type { Tensor, Tensors } from '@baton/safetensors'
import type { LocalFile } from './write-tensors.ts'

export interface WriteRequest {
  readonly id: number
  readonly path: string
  readonly tensors: Tensors
}
export type WriteReply = { readonly id: number } & ({ readonly file: LocalFile } | { readonly error: unknown })

/** Writes safetensors files in a thread of its own, so that a training never waits for a hash or a disk. */
export interface TensorWriter {
  /**
   * Writes a file that is whole on disk once this resolves.
   * @param tensors Handed over: their memory moves to the thread and must not be used any more.
   */
  write(path: string, tensors: Tensors): Promise<LocalFile>
  /** Ends the thread. A file that is being written is not there afterwards. */
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (file: LocalFile) => void
  readonly reject: (error: unknown) => void
}

export function startTensorWriter(): TensorWriter {
  const thread = new Worker(new URL('./write-thread.ts', import.meta.url))
  const waiting = new Map<number, Waiting>()
  let requests = 0
  let end: Error | undefined

  const finish = (error: Error) => {
    end ??= error
    for (const { reject } of waiting.values()) reject(end)
    waiting.clear()
  }
  thread.on('message', (reply: WriteReply) => {
    const { resolve, reject } = waiting.get(reply.id)!
    waiting.delete(reply.id)
    if ('file' in reply) resolve(reply.file)
    else reject(reply.error)
  })
  thread.on('error', finish)
  thread.on('exit', () => finish(new Error('the thread that writes tensors has ended')))

  return {
    async write(path, tensors) {
      if (end) throw end
      const id = requests++
      const own = new Map(Array.from(tensors, ([name, tensor]) => [name, alone(name, tensor)]))
      const memory = Array.from(own.values(), ({ data }) => data.buffer as ArrayBuffer)
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        thread.postMessage({ id, path, tensors: own } satisfies WriteRequest, memory)
      })
    },
    async close() {
      await thread.terminate()
    },
  }
}

/**
 * The tensor with memory that nothing else lives in: handing that over takes nothing from anybody. Memory that was
 * handed over before is found here: the thread would never see the message.
 */
function alone(name: string, { shape, data }: Tensor): Tensor {
  if (data.length !== shape.reduce((count, size) => count * size, 1))
    throw new Error(`${name} of shape [${shape.join(', ')}] holds ${data.length} elements`)
  return { shape, data: data.byteLength === data.buffer.byteLength ? data : data.slice() }
}
