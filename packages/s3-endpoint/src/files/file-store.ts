import { randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MaybeKept } from './maybe-kept.ts'
import { createReadGate } from './read-gate.ts'
import type { ReadGate } from './read-gate.ts'

/** A file that is being written. */
export interface NewFile {
  readonly id: string
  /** Appends; resolves once the bytes may be reused. */
  write(buffers: readonly Buffer[]): Promise<void>
  /** Makes the bytes durable and closes the file. */
  seal(): Promise<void>
}

/**
 * Bytes in files named by random ids.
 *
 * A key is never a file name, and a file means nothing until a row names it: so a file is written in its final place,
 * made durable, and only then named by a row. What a crash leaves between the two is an orphan for `collectGarbage`.
 */
export interface FileStore {
  /**
   * Runs `work` with a new file. The file stays if `work` resolves, and is removed if it rejects, unless it rejects
   * with `MaybeKept`.
   */
  withNewFile<T>(work: (file: NewFile) => Promise<T>): Promise<T>
  open(id: string): Promise<FileHandle>
  /** Readers enter here before they look up which files to read. */
  readonly gate: ReadGate
  /** Removes files that no row names any more, once those who may be reading them have left. Does not wait for it. */
  remove(ids: readonly string[], readBy: string): void
  /** Whether this process is writing the file, or holds it for a reader. */
  isBusy(id: string): boolean
  /** Waits until every removal that was asked for is done. */
  settled(): Promise<void>
}

/** Where a file lies: spread over 256 folders, so that none grows too long to list. */
export function filePath(directory: string, id: string): string {
  return join(directory, id.slice(0, 2), id)
}

export function createFileStore(directory: string, onError: (error: unknown) => void): FileStore {
  const gate = createReadGate()
  const busy = new Set<string>()
  const removals = new Set<Promise<void>>()
  const removeNow = (id: string) => rm(filePath(directory, id), { force: true }).catch(onError)

  return {
    gate,
    isBusy: (id) => busy.has(id),
    open: (id) => open(filePath(directory, id), 'r'),

    async withNewFile(work) {
      const id = randomUUID()
      busy.add(id)
      try {
        return await useNewFile(filePath(directory, id), id, work)
      } catch (error) {
        if (!(error instanceof MaybeKept)) await removeNow(id)
        throw error
      } finally {
        busy.delete(id)
      }
    },

    remove(ids, readBy) {
      for (const id of ids) busy.add(id)
      const removal = gate
        .cleared(readBy)
        .then(() => Promise.all(ids.map(removeNow)))
        .then(() => {
          for (const id of ids) busy.delete(id)
          removals.delete(removal)
        })
      removals.add(removal)
    },

    async settled() {
      await Promise.all(removals)
    },
  }
}

async function useNewFile<T>(path: string, id: string, work: (file: NewFile) => Promise<T>): Promise<T> {
  const handle = await createFile(path)
  try {
    return await work({
      id,
      write: async (buffers) => void (await writeAll(handle, buffers)),
      async seal() {
        await handle.datasync()
        await handle.close()
      },
    })
  } finally {
    // Closing again is harmless; this is for work that ended before it sealed the file.
    await handle.close()
  }
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return open(path, 'wx', 0o600)
  }
}

/** A vectored write may stop short, as on a disk that is nearly full. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  const { bytesWritten } = await handle.writev([...buffers])
  if (bytesWritten < total) await handle.appendFile(Buffer.concat(buffers).subarray(bytesWritten))
}
