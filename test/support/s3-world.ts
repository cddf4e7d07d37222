import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { createTestDatabase } from '@baton/testing'
import type { TestDatabase } from '@baton/testing'
import { credentials, region } from './s3-credentials.ts'
import { startS3Server } from './s3-server.ts'
import type { S3Server } from './s3-server.ts'

/** An embedded endpoint with a database and a folder of its own, and a client of it. */
export interface S3World {
  readonly server: S3Server
  readonly client: S3Client
  readonly database: TestDatabase
  /** Where the endpoint keeps bytes. */
  readonly directory: string
  readonly close: () => Promise<void>
}

export async function openS3World(): Promise<S3World> {
  const database = await createTestDatabase()
  const directory = await mkdtemp(join(tmpdir(), 'baton-s3-'))
  const server = await startS3Server(database.url, directory)
  const client = s3Client(server.url)
  const close = async () => {
    client.destroy()
    await server.close()
    await database.drop()
    await rm(directory, { recursive: true, force: true })
  }
  return { server, client, database, directory, close }
}

export function s3Client(url: string): S3Client {
  return new S3Client({ endpoint: url, region, credentials, forcePathStyle: true, maxAttempts: 1 })
}

/** Names of the files in which an endpoint keeps bytes. */
export async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}
