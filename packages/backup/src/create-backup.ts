import { createHash, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { holdObjects } from '@baton/db'
import type { S3BlobStore } from '@baton/storage'
import pg from 'pg'
import type { Client } from 'pg'
import { copyOut } from './copy-out.ts'
import { inLanes } from './in-lanes.ts'
import { format, writeManifest } from './manifest.ts'
import type { BackupManifest } from './manifest.ts'
import { chooseObjects, digestFinder, readReferred } from './referred-objects.ts'
import type { BackupStep } from './step.ts'
import { listSequences, listTables, prepareSession } from './tables.ts'
import { objectName } from './target.ts'
import type { Target } from './target.ts'

export interface CreateBackup {
  readonly databaseUrl: string
  readonly blobs: S3BlobStore
  readonly target: Target
  /** Keeps the backup although objects that rows refer to are not in storage; they are named in it. */
  readonly allowMissing?: boolean
  readonly onStep?: (step: BackupStep) => void
  readonly signal?: AbortSignal
  readonly now: () => Date
}

export interface BackupSummary {
  readonly createdAt: string
  readonly tables: number
  readonly rows: number
  readonly objects: number
  readonly objectBytes: number
  /** Objects that were not there from an earlier run. */
  readonly fetched: number
  readonly missing: readonly string[]
}

/**
 * Copies the database as it is at one moment, and every object that it refers to, while everything runs on.
 *
 * Rows are read in one transaction that sees one state. Before it begins, removing objects is held off until the backup
 * ends, so what those rows refer to is still there when it is fetched. Everything is checked on the way; the manifest
 * comes last, so a backup that was cut is never taken for one.
 *
 * @throws {AppError} `blob-missing`, `digest-mismatch`, `storage-unavailable`, `unavailable`, `database-incompatible`
 */
export async function createBackup(options: CreateBackup): Promise<BackupSummary> {
  const { databaseUrl, blobs, target, signal } = options
  const createdAt = options.now().toISOString()
  const folder = `snapshots/${createdAt.replace(/\D/g, '')}-${randomUUID().slice(0, 8)}`
  const client = await connect(databaseUrl)
  try {
    await holdObjects(client)
    const rows = await copyDatabase(client, folder, options)
    const { objects, missing } = await chooseObjects(blobs.list(), rows.referred, rows.mentioned)
    if (missing.length > 0 && !options.allowMissing) throw new AppError('blob-missing', { digests: missing })
    const fetched = await fetchObjects(objects, options)
    signal?.throwIfAborted()
    const list = await addObjectList(target, `${folder}/objects.txt`, objects)
    const manifest = { format, createdAt, ...rows.part, objects: list, missing } as const
    const keep = [
      list.file,
      ...rows.part.tables.map(({ file }) => file),
      ...objects.map(({ digest }) => objectName(digest)),
    ]
    await target.finish(writeManifest(manifest), new Set(keep))
    return {
      createdAt,
      tables: manifest.tables.length,
      rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
      objects: list.count,
      objectBytes: list.totalBytes,
      fetched,
      missing,
    }
  } finally {
    // A session's end lets go of what it held.
    await client.end()
  }
}

export async function connect(databaseUrl: string): Promise<Client> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000, keepAlive: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (cause) {
    const detail = `the database cannot be opened: ${(cause as Error).message}`
    throw new AppError('unavailable', {}, { detail, cause })
  }
  await prepareSession(client)
  return client
}

async function copyDatabase(client: Client, folder: string, { target, onStep, signal }: CreateBackup) {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const migrations = await readMigrationRows(client)
  const listed = await listTables(client)
  const finder = digestFinder()
  const tables: BackupManifest['tables'] = []
  let bytes = 0
  for (const table of listed) {
    signal?.throwIfAborted()
    const file = `${folder}/${table.name}.copy`
    await target.add(file, async (path) => {
      const copied = await copyOut(client, table, { file: path, onText: finder.look })
      tables.push({ name: table.name, columns: [...table.columns], file, ...copied })
      bytes += copied.sizeBytes
    })
    onStep?.({ phase: 'tables', done: tables.length, total: listed.length, bytes })
  }
  const referred = await readReferred(client)
  const sequences = await listSequences(client)
  await client.query('COMMIT')
  return { part: { migrations, tables, sequences }, referred, mentioned: finder.found }
}

/** @throws {AppError} `database-incompatible` where the database is not Baton's */
async function readMigrationRows(client: Client): Promise<BackupManifest['migrations']> {
  const there = await client.query<{ found: boolean }>(
    "SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS found",
  )
  if (!there.rows[0]!.found)
    throw new AppError('database-incompatible', {}, { detail: 'the database holds no Baton: it has no migrations' })
  const { rows } = await client.query<{ name: string; checksum: string }>(`
    SELECT migration_name AS name, checksum FROM _prisma_migrations
    WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name COLLATE "C"`)
  return rows
}

/** A home disk is busy with fewer; more only hold memory. */
const fetchesAtOnce = 4

async function fetchObjects(
  objects: readonly Blob[],
  { blobs, target, onStep, signal }: CreateBackup,
): Promise<number> {
  let [done, bytes, fetched] = [0, 0, 0]
  await inLanes(fetchesAtOnce, objects, async (blob) => {
    signal?.throwIfAborted()
    if (!(await target.has(blob))) {
      await target.add(objectName(blob.digest), (path) => blobs.readToFile(blob.digest, path))
      fetched++
    }
    done++
    bytes += blob.sizeBytes
    onStep?.({ phase: 'objects', done, total: objects.length, bytes })
  })
  return fetched
}

async function addObjectList(
  target: Target,
  file: string,
  objects: readonly Blob[],
): Promise<BackupManifest['objects']> {
  const text = objects.map(({ digest, sizeBytes }) => `${digest} ${sizeBytes}\n`).join('')
  await target.add(file, (path) => writeFile(path, text, { mode: 0o600 }))
  return {
    file,
    sizeBytes: Buffer.byteLength(text),
    digest: createHash('sha256').update(text).digest('hex'),
    count: objects.length,
    totalBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  }
}
