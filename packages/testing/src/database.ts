import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the run's PostgreSQL server: its database is `postgres`. Set by test/global-setup.ts. */
    postgresUrl: string
  }
}

/** The migrated database that tests' own are copies of. Nobody connects to it: PostgreSQL copies only idle ones. */
export const templateName = 'baton_template'

export interface TestDatabase {
  readonly url: string
  /** Removes the database, and cuts whoever is connected to it. */
  readonly drop: () => Promise<void>
}

/**
 * A migrated database of its own for a test file: a copy of the run's template, about 50 ms.
 * @param options.empty an empty one instead, for tests of migrations
 */
export async function createTestDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runSql(server, `CREATE DATABASE ${name} TEMPLATE ${empty ? 'template0' : templateName}`)
  return {
    url: databaseUrl(server, name),
    drop: async () => void (await runSql(server, `DROP DATABASE ${name} WITH (FORCE)`)),
  }
}

/** The address of another database on the same server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = name
  return url.href
}

/** Runs one statement on a connection of its own, and returns its rows. */
export async function runSql(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined) // A connection that is cut rejects the statement.
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
