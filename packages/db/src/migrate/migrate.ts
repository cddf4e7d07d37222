import { randomUUID } from 'node:crypto'
import { AppError } from '@baton/contracts'
import pg from 'pg'
import { findMigrationsDir, readMigrations } from './read-migrations.ts'
import type { Migration } from './read-migrations.ts'

export interface MigrateOptions {
  readonly url: string
  /** The repository's own if left out. */
  readonly migrationsDir?: string
  /** A pino logger, or what looks like one. */
  readonly log: { info: (fields: object, message: string) => void }
}

/** The key under which Prisma's own `migrate deploy` locks, so that it and we wait for each other. */
const prismaLockKey = 72_707_369

/**
 * Brings a database up to the newest migration. Doing it again changes nothing; of several processes that start
 * at once one works and the others wait for it. Each migration is applied whole, with its row, or not at all.
 *
 * Prisma's engine that would do this is a download, and all it does with PostgreSQL is to run the files in order
 * and note them in `_prisma_migrations`. We write the same rows, so `prisma migrate deploy` and `status` agree.
 *
 * @returns the names of the migrations that were applied
 * @throws {AppError} `database-incompatible` when the database has migrations that this code does not know, knows
 *   with other content, or that Prisma left half applied; `unavailable` when it cannot be reached
 */
export async function migrate({ url, migrationsDir = findMigrationsDir(), log }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(migrationsDir)
  const client = await connect(url)
  try {
    await client.query('SELECT pg_advisory_lock($1)', [prismaLockKey])
    await makeMigrationTable(client)
    const pending = pendingOf(migrations, await appliedMigrations(client))
    for (const migration of pending) {
      await applyAlone(client, migration)
      log.info({ migration: migration.name }, 'migration applied')
    }
    return pending.map(({ name }) => name)
  } finally {
    await client.end() // which also gives the lock back
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    return client
  } catch (cause) {
    throw new AppError(
      'unavailable',
      {},
      { detail: `the database cannot be opened: ${(cause as Error).message}`, cause },
    )
  }
}

interface Applied {
  readonly name: string
  readonly checksum: string
  readonly isFinished: boolean
}

/** Migrations wait until the transaction ends. */
export async function lockMigrations(client: pg.Client): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [prismaLockKey])
}

/** The table of migrations, made on first use as Prisma makes it. */
async function makeMigrationTable(client: pg.Client): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id                  VARCHAR(36) PRIMARY KEY NOT NULL,
      checksum            VARCHAR(64) NOT NULL,
      finished_at         TIMESTAMPTZ,
      migration_name      VARCHAR(255) NOT NULL,
      logs                TEXT,
      rolled_back_at      TIMESTAMPTZ,
      started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
      applied_steps_count INTEGER NOT NULL DEFAULT 0
    )`)
}

/** What the database says was applied to it. */
async function appliedMigrations(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(`
    SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished"
    FROM _prisma_migrations WHERE rolled_back_at IS NULL`)
  return rows
}

/** The migrations that are still to be applied, once sure that the database's history is ours. */
function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const { name, checksum, isFinished } of applied) {
    const refuse = (detail: string) => new AppError('database-incompatible', { migration: name }, { detail })
    if (!isFinished) throw refuse(`migration ${name} was begun by another tool and not finished`)
    if (!known.has(name)) throw refuse(`the database is newer than this program: it has the migration ${name}`)
    if (known.get(name)?.checksum !== checksum) throw refuse(`migration ${name} was changed after it was applied`)
  }
  const done = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !done.has(name))
}

/**
 * This program's own migrations of those names, in the order they are applied.
 * @throws {AppError} `database-incompatible` for one that it does not know, or knows with other content
 */
export async function selectMigrations(
  wanted: readonly { name: string; checksum: string }[],
  migrationsDir = findMigrationsDir(),
): Promise<Migration[]> {
  const known = await readMigrations(migrationsDir)
  pendingOf(
    known,
    wanted.map((migration) => ({ ...migration, isFinished: true })),
  )
  const names = new Set(wanted.map(({ name }) => name))
  return known.filter(({ name }) => names.has(name))
}

/** Applies a migration within the caller's transaction, and notes it. */
export async function applyMigration(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await makeMigrationTable(client)
  await client.query(sql)
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
    [randomUUID(), checksum, name],
  )
}

async function applyAlone(client: pg.Client, migration: Migration): Promise<void> {
  const { name } = migration
  try {
    await client.query('BEGIN')
    await applyMigration(client, migration)
    await client.query('COMMIT')
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined) // A lost connection has rolled back by itself.
    throw new Error(`migration ${name} failed and nothing of it was applied: ${(cause as Error).message}`, { cause })
  }
}
