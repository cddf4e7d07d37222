import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Migration {
  readonly name: string
  readonly sql: string
  /** SHA-256 of the file, in hex, as Prisma computes it. */
  readonly checksum: string
}

/** The migrations of a folder in the order they are applied, which is that of their names. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.toSorted().map(async (name) => {
      const bytes = await readFile(path.join(dir, name, 'migration.sql'))
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
}

/**
 * `prisma/migrations` of the nearest folder above this module that has one: the repository's, both for this
 * source and for an app's bundle in `apps/<app>/dist`. An image keeps the same layout.
 */
export function findMigrationsDir(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'prisma/migrations')
    if (existsSync(candidate)) return candidate
    if (folder === path.dirname(folder)) throw new Error('there is no folder prisma/migrations above this program')
  }
}
