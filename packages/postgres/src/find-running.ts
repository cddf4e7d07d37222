import { readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { roleName } from './data-dir.ts'
import { answers } from './server.ts'
import { databaseName } from './supervise.ts'

/** Of `postmaster.pid`, counted from 0: the line with the port. */
const portLine = 3

/**
 * The address of the database that another process of this machine runs on the data directory, or null where none does.
 *
 * @throws {Error} where the files that say so are closed to this user
 */
export async function findRunning(dataDir: string): Promise<string | null> {
  const [pidFile, password] = [`${dataDir}/postmaster.pid`, `${path.resolve(dataDir)}.password`].map(readIfThere)
  const port = Number(pidFile?.split('\n')[portLine])
  if (password === undefined || !(port > 0)) return null
  const url = `postgresql://${roleName}:${password}@127.0.0.1:${port}/${databaseName}`
  return (await answers(url)) ? url : null
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(realpathSync(file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
