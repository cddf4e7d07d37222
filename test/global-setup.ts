import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { migrate } from '@baton/db'
import { startPostgres } from '@baton/postgres'
import { databaseUrl, runSql, templateName } from '@baton/testing'
import type { TestProject } from 'vitest/node'

/** One PostgreSQL for the run, with a migrated template that `createTestDatabase` copies for each test file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'baton-test-'))
  chmodSync(folder, 0o755)
  const postgres = await startPostgres({ dataDir: path.join(folder, 'postgres'), durability: 'none' })
  const server = databaseUrl(postgres.url, 'postgres')
  await runSql(server, `CREATE DATABASE ${templateName}`)
  await migrate({ url: databaseUrl(server, templateName), log: { info: () => undefined } })
  project.provide('postgresUrl', server)
  return async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
