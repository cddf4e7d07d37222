import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { createBackup, fileTarget, folderTarget, openBackup, restoreBackup, verifyBackup } from '@baton/backup'
import type { BackupSummary, Target } from '@baton/backup'
import { canonicalJson, completeFold, recordCheckpoint, retireCheckpoints, sha256 } from '@baton/core'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import {
  aCheckpoint,
  aLease,
  anExperiment,
  aResult,
  aSession,
  createTestDatabase,
  createWorld,
  runSql,
} from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { startS3Server } from '../support/s3-server.ts'

const log = { info: () => undefined }

/** A store on the embedded endpoint, its own tables in the database of that address. */
async function openStore(databaseUrl: string, directory: string) {
  const server = await startS3Server(databaseUrl, directory)
  const blobs = s3BlobStore({ endpoint: server.url, region, bucket: 'baton', credentials })
  const close = async () => {
    blobs.close()
    await server.close()
  }
  return { blobs, close }
}

let folder: string
let world: World
let blobs: S3BlobStore
let closeStore: () => Promise<void>

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'baton-backup-'))
  const memory = await createWorld()
  const store = await openStore(memory.databaseUrl, path.join(folder, 'objects'))
  await store.blobs.ensureBucket()
  for (const bytes of memory.blobs.objects.values()) await store.blobs.write(bytes)
  blobs = store.blobs
  closeStore = store.close
  const write = async (bytes: Uint8Array) => {
    await blobs.write(bytes)
    return memory.blobs.write(bytes)
  }
  const remove = async (digests: readonly string[]) => {
    await blobs.remove(digests)
    await memory.blobs.remove(digests)
  }
  world = { ...memory, blobs: { ...memory.blobs, write, remove } }
})
afterEach(async () => {
  await closeStore()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

/** An experiment with a completed fold and one that a session is training, from a checkpoint on. */
async function populate(): Promise<void> {
  await anExperiment(world)
  const first = await aLease(world, await aSession(world, 'first'))
  const proof = { foldId: first.foldId, fence: first.fence }
  await completeFold(world, {
    ...proof,
    sessionId: await holderOf(first.foldId),
    step: 5,
    result: await aResult(world, first),
  })
  const second = await aLease(world, await aSession(world, 'second'))
  const sessionId = await holderOf(second.foldId)
  for (const step of [10, 20])
    await recordCheckpoint(world, {
      foldId: second.foldId,
      fence: second.fence,
      sessionId,
      manifest: await aCheckpoint(world, second, step),
    })
}

async function holderOf(foldId: string): Promise<string> {
  const [row] = await runSql(world.databaseUrl, `SELECT session_id FROM fold WHERE id = '${foldId}'`)
  return String(row!.session_id)
}

async function backUp(target: Target, more: object = {}): Promise<BackupSummary> {
  return createBackup({ databaseUrl: world.databaseUrl, blobs, target, now: () => new Date(), ...more })
}

/** Another machine: an empty database and an empty store. */
async function elsewhere() {
  const database = await createTestDatabase({ empty: true })
  const directory = await mkdtemp(path.join(folder, 'elsewhere-'))
  const closers: (() => Promise<void>)[] = []
  let opened: S3BlobStore | undefined
  onTestFinished(async () => {
    for (const close of closers) await close()
    await database.drop()
  })
  return {
    url: database.url,
    blobs: () => opened!,
    restore: async (from: string, more: { force?: boolean } = {}) =>
      restoreBackup({
        backup: await verifyBackup(from),
        databaseUrl: database.url,
        openBlobs: async () => {
          const store = await openStore(database.url, directory)
          closers.push(store.close)
          return (opened = store.blobs)
        },
        log,
        ...more,
      }),
  }
}

/** Every row of every table of Baton's, but what a restore is to change. */
async function rowsOf(url: string): Promise<Record<string, unknown[]>> {
  const tables = await runSql(
    url,
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^(s3_|_prisma|presence)' ORDER BY 1",
  )
  const rows: Record<string, unknown[]> = {}
  for (const { name } of tables) {
    const read = await runSql(url, `SELECT to_jsonb(t) AS row FROM "${String(name)}" t ORDER BY to_jsonb(t)::text`)
    rows[String(name)] = read.map(({ row }) => withoutChanges(String(name), row as Record<string, unknown>))
  }
  return rows
}

function withoutChanges(table: string, row: Record<string, unknown>): Record<string, unknown> {
  if (table === 'session') return { ...row, status: null }
  if (table === 'fold') return { ...row, offered_at: null, lease_expires_at: null }
  return row
}

async function objectsOf(store: S3BlobStore): Promise<string[]> {
  const digests: string[] = []
  for await (const { digest } of store.list()) digests.push(digest)
  return digests
}

test('a database and its objects are elsewhere what they were here', async () => {
  await populate()
  const to = path.join(folder, 'backup')
  const summary = await backUp(await folderTarget(to))
  expect(summary).toMatchObject({ missing: [], fetched: summary.objects })
  const there = await elsewhere()
  const restored = await there.restore(to)
  expect(restored).toMatchObject({ rows: summary.rows, objects: summary.objects, interruptedFolds: 1 })
  expect(await rowsOf(there.url)).toEqual(await rowsOf(world.databaseUrl))
  expect(await objectsOf(there.blobs())).toEqual(await objectsOf(blobs))
})

test('what goes on there: sessions are lost, leases have run out, ready folds are to be offered, numbers go on', async () => {
  await populate()
  await anExperiment(world)
  const to = path.join(folder, 'backup')
  await backUp(await folderTarget(to))
  const there = await elsewhere()
  await there.restore(to)
  const folds = await runSql(
    there.url,
    'SELECT status, lease_expires_at <= now() AS over, offered_at FROM fold ORDER BY status',
  )
  expect(folds).toEqual([
    { status: 'completed', over: null, offered_at: expect.anything() as Date },
    { status: 'leased', over: true, offered_at: expect.anything() as Date },
    { status: 'ready', over: null, offered_at: null },
    { status: 'ready', over: null, offered_at: null },
  ])
  expect(await runSql(there.url, 'SELECT DISTINCT status FROM session')).toEqual([{ status: 'lost' }])
  for (const url of [there.url, world.databaseUrl])
    await runSql(
      url,
      "INSERT INTO event (experiment_id, kind, payload) SELECT id, 'test', '{}' FROM experiment ORDER BY id LIMIT 1",
    )
  const [here, gone] = await Promise.all(
    [world.databaseUrl, there.url].map((url) => runSql(url, 'SELECT max(id) AS id FROM event')),
  )
  expect(gone).toEqual(here)
})

test('a backup is of one moment, whatever is written meanwhile, and has every object that it names', async () => {
  await populate()
  let writing = true
  let written = 0
  const write = async () => {
    const sessionId = await aSession(world, 'busy')
    while (writing) {
      await anExperiment(world)
      const lease = await aLease(world, sessionId)
      const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
      for (const step of [1, 2])
        await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, lease, step * 1000 + written) })
      await completeFold(world, { ...proof, step: 3, result: await aResult(world, lease) })
      await retireCheckpoints(world)
      written++
    }
  }
  const to = path.join(folder, 'backup')
  const busy = write()
  while (written < 2) await new Promise((resolve) => setImmediate(resolve))
  const before = written
  const summaries = []
  for (let i = 0; i < 3; i++) summaries.push(await backUp(await folderTarget(to)))
  const during = written - before
  writing = false
  await busy
  expect(during).toBeGreaterThan(0)
  expect(summaries[2]!.fetched).toBeLessThan(summaries[2]!.objects)

  const there = await elsewhere()
  expect((await there.restore(to)).rows).toBe(summaries[2]!.rows)
  const folds = await runSql(there.url, 'SELECT count(*)::int AS folds FROM fold GROUP BY experiment_id')
  expect(new Set(folds.map((row) => row.folds))).toEqual(new Set([2]))
  const stored = new Set(await objectsOf(there.blobs()))
  const named = await runSql(
    there.url,
    `SELECT digest FROM checkpoint UNION SELECT file->>'digest' FROM checkpoint, jsonb_array_elements(manifest->'files') AS file
     UNION SELECT result->'weights'->>'digest' FROM fold WHERE result IS NOT NULL`,
  )
  expect(named.length).toBeGreaterThan(3)
  for (const { digest } of named) expect(stored).toContain(digest)
})

test('while a backup runs no object is removed, and after it they are', async () => {
  await populate()
  const [lease] = await runSql(world.databaseUrl, "SELECT id, fence, session_id FROM fold WHERE status = 'leased'")
  const to = path.join(folder, 'backup')
  const target = await folderTarget(to)
  const removed: number[] = []
  // A third checkpoint makes the first one surplus, in the middle of the backup.
  const slow: Target = {
    ...target,
    add: async (name, write) => {
      await target.add(name, write)
      if (!name.endsWith('checkpoint.copy')) return
      const [held] = await runSql(world.databaseUrl, `SELECT index FROM fold WHERE id = '${String(lease!.id)}'`)
      const { specDigest } = await world.store.folds.leaseContext(String(lease!.id))
      const about = { fold: Number(held!.index), specDigest } as never
      const proof = { foldId: String(lease!.id), fence: Number(lease!.fence), sessionId: String(lease!.session_id) }
      await recordCheckpoint(world, { ...proof, manifest: await aCheckpoint(world, about, 30) })
      removed.push(await retireCheckpoints(world))
    },
  }
  expect(await backUp(slow)).toMatchObject({ missing: [] })
  expect(removed).toEqual([0])
  expect(await retireCheckpoints(world)).toBe(1)
  await verifyBackup(to)
})

test('one file or stream holds the same as a folder', async () => {
  await populate()
  const file = path.join(folder, 'backup.tar')
  const stream = createWriteStream(file)
  const end = async () => {
    stream.end()
    await finished(stream)
  }
  const target = await fileTarget(stream, { draftsFolder: path.join(folder, 'drafts'), now: () => 0, end })
  const summary = await backUp(target)
  const opened = await openBackup(file, path.join(folder, 'unpacked'))
  const there = await elsewhere()
  expect(await there.restore(opened.folder)).toMatchObject({ rows: summary.rows, objects: summary.objects })
  expect(await rowsOf(there.url)).toEqual(await rowsOf(world.databaseUrl))
  await opened.close()

  const { size } = await stat(file)
  for (const bytes of [0, 300, Math.floor(size / 2), size - 1500]) {
    const cut = path.join(folder, 'cut.tar')
    await cp(file, cut)
    await truncate(cut, bytes)
    const tried = openBackup(cut, path.join(folder, 'cut')).then(({ folder: unpacked }) => verifyBackup(unpacked))
    await expect(tried).rejects.toMatchObject({ code: 'backup-invalid' })
  }
})

test('into the same folder only what is new is fetched, and what nobody names any more goes', async () => {
  await populate()
  const to = path.join(folder, 'backup')
  const first = await backUp(await folderTarget(to))
  expect(await backUp(await folderTarget(to))).toMatchObject({ objects: first.objects, fetched: 0 })
  expect(await readdir(path.join(to, 'snapshots'))).not.toHaveLength(0)
  await runSql(world.databaseUrl, 'UPDATE fold SET checkpoint_id = NULL')
  await runSql(world.databaseUrl, 'DELETE FROM checkpoint')
  const third = await backUp(await folderTarget(to))
  expect(third.objects).toBeLessThan(first.objects)
  const files = (await readdir(path.join(to, 'objects'), { recursive: true })).filter((name) =>
    /[0-9a-f]{64}$/.test(name),
  )
  expect(files).toHaveLength(third.objects)
  await verifyBackup(to)
})

test('a backup that is cut leaves the one before it as it was', async () => {
  await populate()
  const to = path.join(folder, 'backup')
  const first = await backUp(await folderTarget(to))
  await blobs.write(randomBytes(1000))
  await anExperiment(world)
  const target = await folderTarget(to)
  const finish = () => Promise.reject(new Error('killed'))
  await expect(backUp({ ...target, finish })).rejects.toThrow('killed')
  expect((await verifyBackup(to)).manifest.createdAt).toBe(first.createdAt)
})

test('an object that is gone stops a backup by its name, unless it is allowed to be missing', async () => {
  await populate()
  const [row] = await runSql(world.databaseUrl, 'SELECT digest FROM checkpoint ORDER BY step LIMIT 1')
  const digest = String(row!.digest)
  await blobs.remove([digest])
  const to = path.join(folder, 'backup')
  await expect(backUp(await folderTarget(to))).rejects.toMatchObject({
    code: 'blob-missing',
    facts: { digests: [digest] },
  })
  await expect(verifyBackup(to)).rejects.toMatchObject({ code: 'backup-invalid' })
  expect((await backUp(await folderTarget(to), { allowMissing: true })).missing).toEqual([digest])
  expect((await (await elsewhere()).restore(to)).missing).toEqual([digest])
})

test('a folder with other files in it takes no backup', async () => {
  await writeFile(path.join(folder, 'holiday.jpg'), 'x')
  await expect(folderTarget(folder)).rejects.toMatchObject({ code: 'conflict' })
})

describe('a database that holds something', () => {
  test('is refused with what it holds, and replaced by force', async () => {
    await populate()
    const to = path.join(folder, 'backup')
    await backUp(await folderTarget(to))
    const there = await elsewhere()
    await there.restore(to)
    await runSql(there.url, "UPDATE project SET name = 'Changed'")
    await expect(there.restore(to)).rejects.toMatchObject({
      code: 'database-not-empty',
      faults: expect.arrayContaining([{ pointer: 'project', detail: '1 rows' }]) as unknown,
    })
    expect(await runSql(there.url, 'SELECT name FROM project')).toEqual([{ name: 'Changed' }])
    const again = await there.restore(to, { force: true })
    expect(again.stored).toBe(0)
    expect(await rowsOf(there.url)).toEqual(await rowsOf(world.databaseUrl))
  })

  test('is refused by force too while services run on it', async () => {
    const to = path.join(folder, 'backup')
    await backUp(await folderTarget(to))
    const there = await elsewhere()
    await there.restore(to)
    await runSql(there.url, "INSERT INTO presence (service) VALUES ('api')")
    await expect(there.restore(to, { force: true })).rejects.toMatchObject({ code: 'conflict' })
  })

  test('of somebody else is refused though it is empty', async () => {
    const to = path.join(folder, 'backup')
    await backUp(await folderTarget(to))
    const there = await elsewhere()
    await runSql(there.url, 'CREATE TABLE wordpress (id int)')
    await expect(there.restore(to)).rejects.toMatchObject({
      code: 'database-not-empty',
      faults: [{ pointer: 'wordpress', detail: '0 rows' }],
    })
  })
})

describe('a broken backup is refused by what is wrong with it, and nothing is restored', () => {
  let whole: string
  beforeEach(async () => {
    await populate()
    whole = path.join(folder, 'backup')
    await backUp(await folderTarget(whole))
  })

  const manifestOf = (from: string) => path.join(from, 'manifest.json')
  const read = async (from: string) =>
    JSON.parse(await readFile(manifestOf(from), 'utf8')) as Record<string, never> & {
      tables: { name: string; file: string; digest: string; sizeBytes: number; rows: number }[]
      migrations: { name: string; checksum: string }[]
    }
  /** Writes a manifest that vouches for itself. */
  const rewrite = async (from: string, change: (manifest: Awaited<ReturnType<typeof read>>) => void) => {
    const manifest = await read(from)
    change(manifest)
    const { digest: _, ...rest } = manifest
    await writeFile(manifestOf(from), JSON.stringify({ ...rest, digest: sha256(canonicalJson(rest)) }))
  }
  const anObject = async (from: string) => {
    const names = await readdir(path.join(from, 'objects'), { recursive: true })
    return path.join(from, 'objects', names.filter((name) => /[0-9a-f]{64}$/.test(name)).sort()[0]!)
  }
  const flip = async (file: string) => {
    const bytes = await readFile(file)
    bytes[Math.floor(bytes.length / 2)]! ^= 1
    await writeFile(file, bytes)
  }

  test.each<[string, (from: string) => Promise<unknown>, object]>([
    ['no manifest', (from) => rm(manifestOf(from)), { code: 'backup-invalid', detail: /cut before its end/ }],
    ['half a manifest', (from) => truncate(manifestOf(from), 100), { code: 'backup-invalid', detail: /is damaged/ }],
    [
      'a changed manifest',
      async (from) =>
        writeFile(manifestOf(from), (await readFile(manifestOf(from), 'utf8')).replace('"rows": 1', '"rows": 2')),
      { code: 'backup-invalid', detail: /is damaged/ },
    ],
    [
      'a newer format',
      (from) => rewrite(from, (manifest) => Object.assign(manifest, { format: 'baton.backup/2' })),
      { code: 'backup-invalid', detail: /made by a newer Baton: .*baton\.backup\/2/ },
    ],
    [
      'a migration that is not known',
      (from) => rewrite(from, ({ migrations }) => migrations.push({ name: '99990000000000_later', checksum: 'x' })),
      { code: 'database-incompatible', detail: /99990000000000_later/ },
    ],
    [
      'a migration of other content',
      (from) => rewrite(from, ({ migrations }) => (migrations[0]!.checksum = 'x')),
      { code: 'database-incompatible', detail: /was changed/ },
    ],
    [
      'a table that is gone',
      async (from) => rm(path.join(from, (await read(from)).tables[0]!.file)),
      { code: 'backup-invalid', fault: /is missing/ },
    ],
    [
      'a table with a changed byte',
      async (from) => flip(path.join(from, (await read(from)).tables.find(({ name }) => name === 'fold')!.file)),
      { code: 'backup-invalid', fault: /is damaged/ },
    ],
    [
      'an object that is gone',
      async (from) => rm(await anObject(from)),
      { code: 'backup-invalid', fault: /is missing/ },
    ],
    [
      'an object with a changed byte',
      async (from) => flip(await anObject(from)),
      { code: 'backup-invalid', fault: /is damaged/ },
    ],
    [
      'an object that was cut',
      async (from) => truncate(await anObject(from), 3),
      { code: 'backup-invalid', fault: /has 3 bytes instead of/ },
    ],
    [
      'a table without rows that another one names',
      async (from) => {
        const { file } = (await read(from)).tables.find(({ name }) => name === 'session')!
        await writeFile(path.join(from, file), '')
        const empty = { rows: 0, sizeBytes: 0, digest: sha256('') }
        await rewrite(from, ({ tables }) =>
          Object.assign(
            tables.find(({ name }) => name === 'session')!,
            empty,
          ),
        )
      },
      { code: 'backup-invalid', detail: /session/ },
    ],
  ])('%s', async (_, breakIt, expected) => {
    await breakIt(whole)
    const there = await elsewhere()
    const error: { code: string; message: string; faults: { detail: string }[] } = await there.restore(whole).then(
      () => expect.fail('it was restored'),
      (thrown: unknown) => thrown as never,
    )
    const { code, detail, fault } = expected as { code: string; detail?: RegExp; fault?: RegExp }
    expect(error.code).toBe(code)
    if (detail) expect(error.message).toMatch(detail)
    if (fault) expect(error.faults[0]!.detail).toMatch(fault)
    const [left] = await runSql(
      there.url,
      "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I', tablename), true, true, '')))[1]::text::int), 0)::int AS rows FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^(s3_|_prisma|provider_profile)'",
    )
    expect(left).toEqual({ rows: 0 })
  })
})
