import type { FileStore } from '../files/file-store.ts'
import type { Range } from './range.ts'
import type { ObjectRecord } from './record.ts'

/** Large enough that reading costs little beside sending, small enough for many readers at once. */
const chunkBytes = 256 * 1024
/** Chunks that wait for their next reader: 16 MiB. */
const idleChunksMax = 64

/** Where the bytes that are read lie. */
export interface ChunkMemory {
  /** Memory of at least so many bytes, at most `chunkBytes`. */
  take(bytes: number): Buffer
  /** Nobody looks at it any more. */
  give(chunk: Buffer): void
}

/** Each chunk is memory of its own: whoever reads may keep it. */
export const ownChunks: ChunkMemory = { take: (bytes) => Buffer.allocUnsafe(bytes), give: () => undefined }

/**
 * A chunk is its reader's only until the next is asked for. Chunks made anew for each answer are memory outside V8's heap:
 * for every few dozen megabytes of them it collects the whole heap, which cost as much as sending them.
 */
export const lentChunks: ChunkMemory = createLentChunks()

function createLentChunks(): ChunkMemory {
  const idle: Buffer[] = []
  return {
    take: () => idle.pop() ?? Buffer.allocUnsafeSlow(chunkBytes),
    give(chunk) {
      if (idle.length < idleChunksMax) idle.push(chunk)
    },
  }
}

/**
 * The bytes of an object from first to last, file after file; while one chunk is used, the next is read.
 * @throws where a file is missing or shorter than its row says: the reader sees a broken stream, never wrong bytes
 */
export async function* readBytes(
  files: FileStore,
  object: ObjectRecord,
  range: Range,
  memory: ChunkMemory,
): AsyncGenerator<Buffer> {
  let start = 0
  for (const [i, file] of object.files.entries()) {
    const end = start + object.sizes[i]!
    const from = Math.max(range.first, start)
    const to = Math.min(range.last + 1, end)
    if (from < to) yield* readFile(files, file, { from: from - start, to: to - start }, memory)
    start = end
  }
}

async function* readFile(
  files: FileStore,
  id: string,
  { from, to }: { readonly from: number; readonly to: number },
  memory: ChunkMemory,
): AsyncGenerator<Buffer> {
  const handle = await files.open(id)
  const read = async (position: number) => {
    const wanted = Math.min(chunkBytes, to - position)
    const chunk = memory.take(wanted)
    const { bytesRead } = await handle.read(chunk, 0, wanted, position)
    if (bytesRead === 0) throw new Error(`file ${id} ends at ${position} of ${to} bytes`)
    return { chunk, bytesRead }
  }
  let next = read(from)
  try {
    for (let position = from; ;) {
      const { chunk, bytesRead } = await next
      position += bytesRead
      if (position < to) {
        next = read(position)
        // It may fail while nobody waits for it; whoever comes for it is told.
        next.catch(() => undefined)
      }
      yield chunk.subarray(0, bytesRead)
      // Not where the reader ends early: its last chunk may still be on its way out.
      memory.give(chunk)
      if (position === to) return
    }
  } finally {
    await next.catch(() => undefined)
    await handle.close()
  }
}
