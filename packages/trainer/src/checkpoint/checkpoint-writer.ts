import { Worker } from 'node:worker_threads'
import { callThread } from '../call-thread.ts'
import type { Tensor, Tensors } from '@baton/safetensors'
import type { HashedBytes } from './read-hashed.ts'
import type { CheckpointContent, SavedCheckpoint } from './save-checkpoint.ts'
import type { LocalFile } from './write-tensors.ts'

/** What the thread does, and what it answers. */
export type Job =
  | { readonly kind: 'tensors'; readonly path: string; readonly tensors: Tensors }
  | { readonly kind: 'checkpoint'; readonly dir: string; readonly content: CheckpointContent }
  | { readonly kind: 'read'; readonly path: string }
export interface JobResult {
  readonly tensors: LocalFile
  readonly checkpoint: SavedCheckpoint
  readonly read: HashedBytes
}

/**
 * Writes tensors and checkpoints, and reads them, in a thread of its own. A training blocks its thread for whole steps: here a save is
 * one message there and one back, and all that is between, hashing and waiting for the disk, goes on meanwhile.
 *
 * Tensors are handed over: their memory moves to the thread and must not be used any more.
 */
export interface CheckpointWriter {
  /** `writeTensors` in the thread. */
  readonly writeTensors: (path: string, tensors: Tensors) => Promise<LocalFile>
  /** `saveCheckpoint` in the thread. */
  readonly saveCheckpoint: (dir: string, content: CheckpointContent) => Promise<SavedCheckpoint>
  /** `readHashed` in the thread: it goes on while this one is busy. */
  readonly readHashed: (path: string) => Promise<HashedBytes>
  /** Ends the thread. What is being written is not there afterwards. */
  readonly close: () => Promise<void>
}

export function startCheckpointWriter(): CheckpointWriter {
  const thread = new Worker(new URL('./write-thread.ts', import.meta.url))
  const { call } = callThread<Job, JobResult[Job['kind']]>(thread, 'writes checkpoints')
  const ask = (job: Job, handedOver: readonly Tensors[] = []) =>
    call(
      job,
      handedOver.flatMap((tensors) => Array.from(tensors.values(), ({ data }) => data.buffer as ArrayBuffer)),
    )

  return {
    async writeTensors(path, tensors) {
      const own = alone(tensors)
      return (await ask({ kind: 'tensors', path, tensors: own }, [own])) as LocalFile
    },
    async saveCheckpoint(dir, content) {
      const [weights, optimizer] = [alone(content.weights), alone(content.optimizer)]
      const job = { kind: 'checkpoint', dir, content: { ...content, weights, optimizer } } as const
      return (await ask(job, [weights, optimizer])) as SavedCheckpoint
    },
    readHashed: async (path) => (await ask({ kind: 'read', path })) as HashedBytes,
    async close() {
      await thread.terminate()
    },
  }
}

/**
 * The tensors with memory that nothing else lives in: handing that over takes nothing from anybody. Memory that was
 * handed over before is found here: the thread would never see the message.
 */
function alone(tensors: Tensors): Map<string, Tensor> {
  return new Map(
    Array.from(tensors, ([name, { shape, data }]) => {
      if (data.length !== shape.reduce((count, size) => count * size, 1))
        throw new Error(`${name} of shape [${shape.join(', ')}] holds ${data.length} elements`)
      return [name, { shape, data: data.byteLength === data.buffer.byteLength ? data : data.slice() }]
    }),
  )
}
