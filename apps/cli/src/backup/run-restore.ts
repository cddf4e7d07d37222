import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { openBackup, restoreBackup, verifyBackup } from '@baton/backup'
import { loadConfig } from '@baton/config'
import type { Env } from '@baton/config'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { createProgress } from '../output/progress.ts'
import { count, formatBytes } from '../output/text.ts'
import { makeDataDir } from '../up/make-data-dir.ts'
import { openPlaces } from './open-places.ts'
import { showStep } from './show-step.ts'

export interface RestoreOptions {
  readonly into?: string
  readonly force?: boolean
  readonly verify?: boolean
  readonly json?: boolean
}

/**
 * Restores a backup, after all of it was read and found whole.
 * @throws {AppError} as `restoreBackup`; nothing is restored then
 */
export async function runRestore(io: Io, from: string, options: RestoreOptions): Promise<void> {
  const config = loadConfig(aimed(io.env, options.into))
  const progress = createProgress(io)
  await makeDataDir(config.data.dir)
  const onStep = showStep(progress)
  const work = path.join(config.data.dir, 'tmp', `restore-${randomUUID()}`)
  const opened = await openBackup(from === '-' ? process.stdin : from, work)
  try {
    const backup = await verifyBackup(opened.folder, onStep)
    if (options.verify) {
      progress.end()
      const { createdAt, objects } = backup.manifest
      if (options.json) return printJson(io, { createdAt, objects: objects.count, objectBytes: objects.totalBytes })
      return io.out(
        `${from} is whole: of ${createdAt}, ${count(objects.count, 'object')} of ${formatBytes(objects.totalBytes)}`,
      )
    }
    const places = await openPlaces(config, 'refuse')
    try {
      const { databaseUrl, openBlobs } = places
      const log = { info: () => undefined }
      const more = { force: options.force === true, onStep, log }
      const summary = await restoreBackup({ backup, databaseUrl, openBlobs, ...more })
      progress.end()
      if (options.json) return printJson(io, summary)
      io.out(
        `restored what was backed up at ${summary.createdAt}: ${count(summary.rows, 'row')}, ${count(summary.objects, 'object')}`,
      )
      if (summary.interruptedFolds > 0)
        io.err(`${count(summary.interruptedFolds, 'fold')} in training then: each goes on from its last checkpoint`)
      for (const digest of summary.missing) io.err(`missing, already when it was backed up: ${digest}`)
    } finally {
      await places.close()
    }
  } finally {
    await opened.close()
  }
}

/** The environment with another database, or another data folder and no database. */
function aimed(env: Env, into: string | undefined): Env {
  if (into === undefined) return env
  if (/^postgres(ql)?:/.test(into)) return { ...env, DATABASE_URL: into }
  return { ...env, BATON_DATA: into, DATABASE_URL: undefined }
}
