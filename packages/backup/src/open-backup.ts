import { createReadStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '@baton/contracts'
import { unpackTar } from './tar.ts'

/** A backup that lies in a folder now, wherever it came from. */
export interface OpenBackup {
  readonly folder: string
  /** Removes what was unpacked. */
  close(): Promise<void>
}

const fileName = /^(manifest\.json|snapshots\/[\w-]+\/[\w-]+\.\w+|objects\/[0-9a-f]{2}\/[0-9a-f]{64})$/

/**
 * Opens a backup: a folder as it is; an archive, from a file or a stream, unpacked into `workFolder`.
 * @throws {AppError} `not-found`, `backup-invalid`
 */
export async function openBackup(source: string | Readable, workFolder: string): Promise<OpenBackup> {
  if (typeof source === 'string') {
    const found = await stat(source).catch(() => null)
    if (found === null) throw new AppError('not-found', {}, { detail: `there is no backup at ${source}` })
    if (found.isDirectory()) return { folder: source, close: async () => undefined }
  }
  const stream = typeof source === 'string' ? createReadStream(source) : source
  const close = () => rm(workFolder, { recursive: true, force: true })
  try {
    await unpackTar(stream, async (name) => {
      if (!fileName.test(name)) return null
      const place = path.join(workFolder, name)
      await mkdir(path.dirname(place), { recursive: true, mode: 0o700 })
      return place
    })
  } catch (error) {
    await close()
    throw error
  }
  return { folder: workFolder, close }
}
