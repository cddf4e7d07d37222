import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chownSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { canEnter, makeOpenFolder } from './user.ts'
import type { ServerUser } from './user.ts'

/** Role that owns everything in the embedded database. */
export const roleName = 'baton'

export interface DataDir {
  /** What the caller named, made absolute; the password and the log lie beside it. */
  readonly wanted: string
  /** Where the server's files are: `wanted` itself, or what it links to. */
  readonly real: string
  /** Whether `real` is on the shelf, where nothing but we makes folders. */
  readonly isOnShelf: boolean
}

/**
 * Where the server's files go. Below a folder that is closed to the server's user (root's home, as a rule) they
 * go to `shelf` instead, and the wanted path becomes a link to there once the database exists.
 *
 * @throws {Error} when an existing directory cannot be reached, or a link's target is gone: starting with an
 *   empty database in its place would look like losing everything
 */
export function placeDataDir(wanted: string, userOf: (dataDir: string) => ServerUser, shelf: string): DataDir {
  mkdirSync(path.dirname(wanted), { recursive: true })
  if (lstatSync(wanted, { throwIfNoEntry: false })) {
    if (!existsSync(wanted)) throw new Error(`${wanted} links to a database that is no longer there`)
    const real = realpathSync(wanted)
    if (!canEnter(userOf(real), real))
      throw new Error(`${real} is closed to the user that PostgreSQL runs as: open its folders or start as their owner`)
    return { wanted, real, isOnShelf: path.dirname(real) === shelf }
  }
  const real = path.join(realpathSync(path.dirname(wanted)), path.basename(wanted))
  if (canEnter(userOf(real), path.dirname(real))) return { wanted, real, isOnShelf: false }
  const name = `data-${createHash('sha256').update(real).digest('hex').slice(0, 16)}`
  return { wanted, real: path.join(shelf, name), isOnShelf: true }
}

/**
 * Makes the directory hold a database cluster that `password` opens; changes nothing if it does.
 * It appears whole: `initdb` works beside it, and a rename ends it.
 *
 * @throws {Error} when the cluster is of another major version than the binaries
 */
export async function createCluster(dir: DataDir, user: ServerUser, binaries: Binaries, sync: boolean): Promise<void> {
  if (existsSync(path.join(dir.real, 'PG_VERSION'))) checkVersion(dir.real, binaries.majorVersion)
  else await initdb(dir, user, binaries, sync)
  if (dir.isOnShelf && !existsSync(dir.wanted)) symlinkSync(dir.real, dir.wanted)
}

function checkVersion(real: string, expected: string): void {
  const version = readFileSync(path.join(real, 'PG_VERSION'), 'utf8').trim()
  if (version === expected) return
  const advice = 'dump it with that version and load it into a new one'
  throw new Error(`${real} is of PostgreSQL ${version}, this is ${expected}: ${advice}`)
}

async function initdb(dir: DataDir, user: ServerUser, binaries: Binaries, sync: boolean): Promise<void> {
  if (dir.isOnShelf) makeOpenFolder(path.dirname(dir.real))
  const draft = `${dir.real}.new`
  const passwordCopy = `${draft}.password`
  const give = (file: string) => {
    if (user.uid !== undefined) chownSync(file, user.uid, user.gid)
  }
  for (const leftover of [draft, passwordCopy]) rmSync(leftover, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  writeFileSync(passwordCopy, passwordOf(dir), { mode: 0o600 })
  for (const file of [draft, passwordCopy]) give(file)
  const auth = ['--username', roleName, '--pwfile', passwordCopy, '--auth', 'scram-sha-256']
  // The built-in provider sorts alike on every machine; the C library's would not.
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  try {
    const args = ['--pgdata', draft, ...auth, ...locale, ...(sync ? [] : ['--no-sync'])]
    await promisify(execFile)(binaries.initdb, args, { ...user, cwd: '/' })
  } finally {
    rmSync(passwordCopy)
  }
  renameSync(draft, dir.real)
}

/**
 * The password of the cluster, made on first use. It lies beside the data directory, readable by us only, and is
 * written before the cluster is made, so no cluster is ever without one.
 *
 * @throws {Error} when there is a cluster and its password is gone
 */
export function passwordOf({ wanted, real }: DataDir): string {
  const file = `${wanted}.password`
  if (existsSync(file)) return readFileSync(file, 'utf8')
  if (existsSync(path.join(real, 'PG_VERSION')))
    throw new Error(`${file} is gone, and without it the database in ${real} cannot be opened: restore the file`)
  writeFileSync(`${file}.new`, randomBytes(24).toString('base64url'), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return readFileSync(file, 'utf8')
}
