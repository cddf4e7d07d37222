import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { createBackup, fileTarget, folderTarget } from '@baton/backup'
import type { Target } from '@baton/backup'
import { loadConfig } from '@baton/config'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { createProgress } from '../output/progress.ts'
import { count, formatBytes } from '../output/text.ts'
import { makeDataDir } from '../up/make-data-dir.ts'
import { openPlaces } from './open-places.ts'
import { showStep } from './show-step.ts'

export interface BackupOptions {
  readonly allowMissing?: boolean
  readonly json?: boolean
}

/**
 * Takes a backup and says what is in it; on standard error where standard output carries the backup itself.
 * @throws {AppError} as `createBackup`
 */
export async function runBackup(io: Io, to: string, { allowMissing, json }: BackupOptions): Promise<void> {
  const config = loadConfig(io.env)
  const signal = io.stopSignal()
  const drafts = path.join(config.data.dir, 'tmp', `backup-${randomUUID()}`)
  const progress = createProgress(io)
  await makeDataDir(config.data.dir)
  const places = await openPlaces(config, 'join')
  try {
    const blobs = await places.openBlobs()
    const target = await openTarget(to, drafts)
    const { databaseUrl } = places
    const now = () => new Date()
    const more = { onStep: showStep(progress), allowMissing: allowMissing === true, signal, now }
    const summary = await createBackup({ databaseUrl, blobs, target, ...more })
    progress.end()
    const say = to === '-' ? io.err : io.out
    if (json) return say(JSON.stringify(summary, null, 2))
    const { rows, objects, objectBytes, fetched, missing } = summary
    say(`${to}: ${count(rows, 'row')}, ${count(objects, 'object')} of ${formatBytes(objectBytes)}, ${fetched} fetched`)
    for (const digest of missing) io.err(`missing: ${digest}`)
  } catch (error) {
    if (signal.aborted) throw new Exit(exitCodes.interrupted)
    throw error
  } finally {
    await places.close()
    await rm(drafts, { recursive: true, force: true })
  }
}

async function openTarget(to: string, draftsFolder: string): Promise<Target> {
  const now = Date.now
  if (to === '-') {
    const end = async () => undefined
    return fileTarget(process.stdout, { draftsFolder, now, end })
  }
  if (!to.endsWith('.tar')) return folderTarget(to)
  // Under its name only once it is whole.
  const draft = `${to}.part`
  const stream = createWriteStream(draft, { mode: 0o600 })
  const end = async () => {
    stream.end()
    await finished(stream)
    const handle = await open(draft, 'r+')
    await handle.sync()
    await handle.close()
    await rename(draft, to)
  }
  return fileTarget(stream, { draftsFolder, now, end })
}
