import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Blob } from '@baton/contracts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { createProgress } from '../output/progress.ts'
import { formatBytes } from '../output/text.ts'
import { downloadBlob } from '../transfer/download-blob.ts'

export interface FileToDownload {
  readonly blob: Blob
  readonly path: string
  readonly address: () => Promise<string>
}

/** More gain little: each file of some size fills a connection by itself. */
const filesAtOnce = 3

/**
 * Downloads files, each checked against its digest, and shows how far it is. Folders are made where they lack.
 * @throws {Exit} when Ctrl-C ended it: what has arrived whole stays
 */
export async function downloadFiles(io: Io, files: readonly FileToDownload[]): Promise<void> {
  const signal = io.stopSignal()
  const progress = createProgress(io)
  const doneBytes = new Map<string, number>()
  const totalBytes = files.reduce((sum, { blob }) => sum + blob.sizeBytes, 0)
  const show = (file: string, bytes: number) => {
    doneBytes.set(file, bytes)
    const done = [...doneBytes.values()].reduce((sum, part) => sum + part, 0)
    progress.update('download', done, totalBytes, `${formatBytes(done)} of ${formatBytes(totalBytes)}`)
  }
  const waiting = [...files]
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { path: at, blob, address } = file
      await mkdir(path.dirname(at), { recursive: true })
      await downloadBlob({ blob, path: at, address, signal, onBytes: (bytes) => show(at, bytes) })
    }
  }
  try {
    await Promise.all(Array.from({ length: filesAtOnce }, lane))
  } catch (error) {
    throw signal.aborted ? new Exit(exitCodes.interrupted) : error
  } finally {
    progress.end()
  }
}
