import type { FileStore } from '../files/file-store.ts'
import type { Range } from './range.ts'
import type { ObjectRecord } from './record.ts'

/** Large enough that reading costs little beside sending, small enough for many readers at once. */
const chunkBytes = 256 * 1024

/**
 * The bytes of an object from first to last, file after file.
 * @throws where a file is missing or shorter than its row says: the reader sees a broken stream, never wrong bytes
 */
export async function* readBytes(files: FileStore, object: ObjectRecord, range: Range): AsyncGenerator<Buffer> {
  let start = 0
  for (const [i, file] of object.files.entries()) {
    const end = start + object.sizes[i]!
    const from = Math.max(range.first, start)
    const to = Math.min(range.last + 1, end)
    if (from < to) yield* readFile(files, file, from - start, to - start)
    start = end
  }
}

async function* readFile(files: FileStore, id: string, from: number, to: number): AsyncGenerator<Buffer> {
  const handle = await files.open(id)
  try {
    for (let position = from; position < to;) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, to - position))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) throw new Error(`file ${id} ends at ${position} of ${to} bytes`)
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}
