import { createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError, isAppError } from '@baton/contracts'
import type { Blob, Fault } from '@baton/contracts'
import { applyMigration, lockMigrations, migrate, selectMigrations } from '@baton/db'
import type { S3BlobStore } from '@baton/storage'
import type { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { copyOut } from './copy-out.ts'
import { connect } from './create-backup.ts'
import { inLanes } from './in-lanes.ts'
import { letGoOfSessions } from './let-go-of-sessions.ts'
import type { BackupManifest } from './manifest.ts'
import { moveStorageTables } from './storage-tables.ts'
import type { BackupStep } from './step.ts'
import { listTables, quote } from './tables.ts'
import { objectName } from './target.ts'
import type { VerifiedBackup } from './verify-backup.ts'

export interface RestoreBackup {
  readonly backup: VerifiedBackup
  readonly databaseUrl: string
  /** Opened once the database can carry an embedded store's own tables. */
  readonly openBlobs: () => Promise<S3BlobStore>
  /** Replaces what the database holds. */
  readonly force?: boolean
  readonly onStep?: (step: BackupStep) => void
  readonly log: { info: (fields: object, message: string) => void }
}

export interface RestoreSummary {
  readonly createdAt: string
  readonly tables: number
  readonly rows: number
  readonly objects: number
  /** Objects that storage did not hold already. */
  readonly stored: number
  /** Folds that a session was training then: they go on from their last checkpoint. */
  readonly interruptedFolds: number
  readonly missing: readonly string[]
}

/**
 * Makes a database and a store what they were when the backup was taken.
 *
 * Objects come first: they are named by their bytes, so more of them harm nobody. Then one transaction makes the tables
 * anew, loads the rows, and compares what the database says of them with the backup; it ends with all of it, or with
 * the database as it was.
 *
 * @throws {AppError} `database-not-empty`, `conflict` while services run on the database, `database-incompatible`,
 *   `backup-invalid`, `storage-unavailable`, `unavailable`
 */
export async function restoreBackup(options: RestoreBackup): Promise<RestoreSummary> {
  const { backup, databaseUrl, log } = options
  const { manifest } = backup
  const migrations = await selectMigrations(manifest.migrations)
  const client = await connect(databaseUrl)
  try {
    const isBare = await checkDestination(client, options.force === true)
    // An embedded store keeps its own tables in this database.
    if (isBare) await migrate({ url: databaseUrl, log })
    const stored = await storeObjects(options)
    await client.query('BEGIN')
    await lockMigrations(client)
    // Once more: services may have started meanwhile; those that start now wait for the lock.
    await checkDestination(client, options.force === true)
    await moveStorageTables(client, async () => {
      for (const migration of migrations) await applyMigration(client, migration)
    })
    await loadTables(client, backup, options).catch(explainLoading)
    const interruptedFolds = await letGoOfSessions(client)
    await client.query('COMMIT')
    await migrate({ url: databaseUrl, log })
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
    const { createdAt, tables, objects, missing } = manifest
    return { createdAt, tables: tables.length, rows, objects: objects.count, stored, interruptedFolds, missing }
  } finally {
    await client.end()
  }
}

/** Services write their presence every few seconds; one that is silent longer than this has gone. */
const presentSeconds = 15

/** What services and migrations write by themselves is nothing to lose; nor is where an embedded store keeps objects. */
const filledByItself = ['_prisma_migrations', 'presence', 'provider_profile']

/**
 * @returns Whether the database has no tables at all.
 * @throws {AppError} `database-not-empty`, `conflict`
 */
async function checkDestination(client: Client, force: boolean): Promise<boolean> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE "C"`)
  const names = rows.map(({ name }) => name)
  if (names.length === 0) return true
  if (names.includes('presence')) await refuseWhileRunning(client)
  const own = (name: string) => filledByItself.includes(name) || name.startsWith('s3_')
  const faults: Fault[] = []
  for (const name of names.filter((one) => !own(one))) {
    const { rows: counted } = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${quote(name)}`)
    if (!names.includes('_prisma_migrations') || counted[0]!.rows !== '0')
      faults.push({ pointer: name, detail: `${counted[0]!.rows} rows` })
  }
  if (faults.length > 0 && !force) throw new AppError('database-not-empty', {}, { faults })
  return false
}

async function refuseWhileRunning(client: Client): Promise<void> {
  const { rows } = await client.query<{ service: string }>(
    'SELECT service FROM presence WHERE last_seen_at > now() - make_interval(secs => $1)',
    [presentSeconds],
  )
  if (rows.length === 0) return
  const services = rows.map(({ service }) => service).join(' and ')
  const detail = `${services} run on this database, or did ${presentSeconds} s ago: end them and try again`
  throw new AppError('conflict', {}, { detail })
}

/** A home uplink is full with fewer; more only hold memory. */
const storesAtOnce = 4

async function storeObjects({ backup, openBlobs, onStep }: RestoreBackup): Promise<number> {
  const blobs = await openBlobs()
  await blobs.ensureBucket()
  let [done, bytes, stored] = [0, 0, 0]
  const store = async ({ digest, sizeBytes }: Blob) => {
    if ((await blobs.stat(digest))?.sizeBytes !== sizeBytes) {
      const written = await blobs.writeFile(path.join(backup.folder, objectName(digest)))
      if (written.digest !== digest) throw damaged(objectName(digest), 'was changed while it was restored')
      stored++
    }
    done++
    bytes += sizeBytes
    onStep?.({ phase: 'objects', done, total: backup.objects.length, bytes })
  }
  await inLanes(storesAtOnce, backup.objects, store)
  return stored
}

async function loadTables(
  client: Client,
  { folder, manifest }: VerifiedBackup,
  { onStep }: RestoreBackup,
): Promise<void> {
  const there = new Map((await listTables(client)).map((table) => [table.name, table]))
  const links = await dropLinks(client)
  let bytes = 0
  for (const [i, table] of manifest.tables.entries()) {
    const target = there.get(table.name)
    if (target?.columns.join() !== table.columns.join())
      throw damaged(table.file, 'does not fit the migrations that the backup names')
    await client.query(`TRUNCATE ${quote(table.name)}`)
    await client.query(`ALTER TABLE ${quote(table.name)} DISABLE TRIGGER USER`)
    const into = client.query(copyFrom(`COPY ${quote(table.name)} (${table.columns.map(quote).join(', ')}) FROM STDIN`))
    await pipeline(createReadStream(path.join(folder, table.file)), into)
    await client.query(`ALTER TABLE ${quote(table.name)} ENABLE TRIGGER USER`)
    const { rows, digest } = await copyOut(client, target)
    if (rows !== table.rows || digest !== table.digest)
      throw damaged(table.file, `was read back with ${rows} rows of ${table.rows}, or with other values`)
    bytes += table.sizeBytes
    onStep?.({ phase: 'tables', done: i + 1, total: manifest.tables.length, bytes })
  }
  await addLinks(client, links)
  await setSequences(client, manifest)
}

/** What the database does not take of a backup whose files are whole is the backup's fault. */
function explainLoading(cause: unknown): never {
  if (isAppError(cause) || typeof (cause as { code?: unknown }).code !== 'string') throw cause
  const detail = `the database does not take it: ${(cause as Error).message}`
  throw new AppError('backup-invalid', {}, { detail, cause })
}

interface Link {
  readonly table: string
  readonly name: string
  readonly definition: string
}

/** Takes foreign keys away: tables refer to each other in circles, so no order of loading satisfies all. */
async function dropLinks(client: Client): Promise<Link[]> {
  const { rows } = await client.query<Link>(`
    SELECT c.conrelid::regclass::text AS table, c.conname AS name, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conparentid = 0`)
  for (const { table, name } of rows) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${quote(name)}`)
  return rows
}

/** Puts them back, each checked against all rows. */
async function addLinks(client: Client, links: readonly Link[]): Promise<void> {
  for (const { table, name, definition } of links)
    await client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${quote(name)} ${definition}`)
}

async function setSequences(client: Client, { sequences }: BackupManifest): Promise<void> {
  for (const { name, value } of sequences) await client.query('SELECT setval($1::regclass, $2)', [quote(name), value])
}

function damaged(pointer: string, detail: string): AppError {
  return new AppError('backup-invalid', {}, { faults: [{ pointer, detail }] })
}
