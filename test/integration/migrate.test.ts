import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { migrate } from '@baton/db'
import { createTestDatabase, runSql } from '@baton/testing'
import { beforeEach, expect, test } from 'vitest'

let url: string
let migrationsDir: string
beforeEach(async ({ onTestFinished }) => {
  const database = await createTestDatabase({ empty: true })
  migrationsDir = mkdtempSync(path.join(tmpdir(), 'baton-migrate-'))
  onTestFinished(async () => {
    rmSync(migrationsDir, { recursive: true })
    await database.drop()
  })
  url = database.url
})

const log = { info: () => undefined }

test('an empty database gets every migration of the repository, once', async () => {
  const applied = await migrate({ url, log })
  expect(applied).toContain('00000000000000_init')
  expect(await tableNames()).toContain('experiment')
  expect(await migrate({ url, log })).toEqual([])
})

test('migrations are applied in the order of their names and each is logged', async () => {
  write('0002_second', 'INSERT INTO t VALUES (2)')
  write('0001_first', 'CREATE TABLE t (i int)')
  const lines: object[] = []
  expect(await migrate({ url, migrationsDir, log: { info: (fields) => lines.push(fields) } })).toEqual([
    '0001_first',
    '0002_second',
  ])
  expect(lines).toEqual([{ migration: '0001_first' }, { migration: '0002_second' }])

  write('0003_third', 'INSERT INTO t VALUES (3)')
  expect(await migrate({ url, migrationsDir, log })).toEqual(['0003_third'])
  expect(await runSql(url, 'SELECT i FROM t ORDER BY i')).toEqual([{ i: 2 }, { i: 3 }])
})

test('of several that start at once one applies and all succeed', async () => {
  write('0001_first', 'CREATE TABLE t (i int); INSERT INTO t VALUES (1)')
  const applied = await Promise.all(Array.from({ length: 4 }, () => migrate({ url, migrationsDir, log })))
  expect(applied.flat()).toEqual(['0001_first'])
  expect(await runSql(url, 'SELECT i FROM t')).toEqual([{ i: 1 }])
})

test('a migration that fails leaves nothing of itself, and works once it is corrected', async () => {
  write('0001_first', 'CREATE TABLE t (i int)')
  write('0002_second', 'CREATE TABLE half (i int); INSERT INTO t VALUES (1); SELECT 1 / 0')
  await expect(migrate({ url, migrationsDir, log })).rejects.toThrow('0002_second failed and nothing of it was applied')
  expect(await tableNames()).toEqual(['_prisma_migrations', 't'])
  expect(await runSql(url, 'SELECT i FROM t')).toEqual([])

  write('0002_second', 'CREATE TABLE half (i int)')
  expect(await migrate({ url, migrationsDir, log })).toEqual(['0002_second'])
})

test('a database that is newer than the code, or has another history, is left alone', async () => {
  write('0001_first', 'CREATE TABLE t (i int)')
  write('0002_second', 'CREATE TABLE u (i int)')
  await migrate({ url, migrationsDir, log })

  write('0001_first', 'CREATE TABLE t (i bigint)')
  await expectIncompatible('migration 0001_first was changed after it was applied')
  write('0001_first', 'CREATE TABLE t (i int)')

  rmSync(path.join(migrationsDir, '0002_second'), { recursive: true })
  write('0003_third', 'CREATE TABLE v (i int)')
  await expectIncompatible('the database is newer than this program: it has the migration 0002_second')
  expect(await tableNames()).toEqual(['_prisma_migrations', 't', 'u'])
})

test('a migration that Prisma left unfinished is not passed over, one that it rolled back is', async () => {
  write('0001_first', 'CREATE TABLE t (i int)')
  await migrate({ url, migrationsDir, log })
  await runSql(url, 'UPDATE _prisma_migrations SET finished_at = NULL')
  await expectIncompatible('migration 0001_first was begun by another tool and not finished')

  await runSql(url, 'UPDATE _prisma_migrations SET rolled_back_at = now(); DROP TABLE t')
  expect(await migrate({ url, migrationsDir, log })).toEqual(['0001_first'])
})

test('a database that cannot be opened is said to be unavailable', async () => {
  await expect(migrate({ url: `${url}_missing`, migrationsDir, log })).rejects.toMatchObject({ code: 'unavailable' })
})

function write(name: string, sql: string): void {
  mkdirSync(path.join(migrationsDir, name), { recursive: true })
  writeFileSync(path.join(migrationsDir, name, 'migration.sql'), sql)
}

async function expectIncompatible(detail: string): Promise<void> {
  await expect(migrate({ url, migrationsDir, log })).rejects.toMatchObject({ code: 'database-incompatible', detail })
}

async function tableNames(): Promise<string[]> {
  const rows = await runSql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
  return rows.map((row) => String(row.tablename))
}
