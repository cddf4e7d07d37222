import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/**
 * Hashes objects and writes them to files in a thread of its own: half of what a pull computes, while this thread reads
 * from storage.
 */
export interface BlobWriter {
  /** @param fd An empty file, which stays open while something is appended to it. */
  begin(fd: number): GrowingBlob
  /** Ends the thread. Nothing may be on its way to it. */
  close(): Promise<void>
}

/** An object of which the first bytes are written. */
export interface GrowingBlob {
  /**
   * Resolves once they are in the file.
   *
   * @param bytes In shared memory, or they are copied. They must not change before it settles.
   * @throws {Error} with the system's `code`, where it does not take them
   */
  append(bytes: Buffer): Promise<void>
  /** Of all that was appended, in hexadecimal. */
  digest(): string
  /** Nothing more is appended. */
  end(): void
}

/** Asks the thread to append to an object; without bytes, to forget it. */
export interface Append {
  readonly object: number
  readonly fd: number
  readonly bytes: Uint8Array | null
}
/** Its answer where there were bytes, in the order of asking: the digest so far. A message loses an error's code. */
export type Appended = { readonly digest: string } | { readonly message: string; readonly code: string | undefined }

/** The thread is started for the first object. */
export function createBlobWriter(): BlobWriter {
  const waiting: { resolve: (digest: string) => void; reject: (error: Error) => void }[] = []
  let thread: Worker | null = null
  let end: Error | null = null
  let objects = 0

  function start(): Worker {
    const started = new Worker(new URL('./write-thread.ts', import.meta.url))
    started.on('message', (answer: Appended) => {
      const { resolve, reject } = waiting.shift()!
      if ('digest' in answer) resolve(answer.digest)
      else reject(Object.assign(new Error(answer.message), { code: answer.code }))
    })
    started.on('error', (error: Error) => (end = error))
    started.on('exit', () => {
      end ??= new Error('the thread that writes what is pulled has ended')
      for (const { reject } of waiting.splice(0)) reject(end)
    })
    return started
  }

  return {
    begin(fd) {
      const [object, writer] = [objects++, (thread ??= start())]
      const ask = (bytes: Buffer | null) => writer.postMessage({ object, fd, bytes } satisfies Append)
      let digest = createHash('sha256').digest('hex')
      return {
        async append(bytes) {
          if (end) throw end
          digest = await new Promise<string>((resolve, reject) => {
            waiting.push({ resolve, reject })
            ask(bytes)
          })
        },
        digest: () => digest,
        end: () => ask(null),
      }
    },
    async close() {
      await thread?.terminate()
    },
  }
}
