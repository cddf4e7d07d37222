import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { defaultCacheDir, prepareTensorflow } from '@baton/tensorflow'
import { createTestDatabase, freePort } from '@baton/testing'
import { vi } from 'vitest'
import { revive } from './revive.ts'
import type { Revived } from './revive.ts'
import { credentials, region } from './s3-credentials.ts'
import { startS3Server } from './s3-server.ts'

const entries = {
  api: new URL('../../apps/api/src/main.ts', import.meta.url),
  coordinator: new URL('../../apps/coordinator/src/main.ts', import.meta.url),
  worker: new URL('../../apps/worker/src/main.ts', import.meta.url),
  postgres: new URL('./postgres-process.ts', import.meta.url),
}
const leaseTimes = { BATON_LEASE_SECONDS: '6', BATON_HEARTBEAT_SECONDS: '1' }
const ownerToken = 'owner-token-of-the-test'

/** Baton with every part in a process of its own that may be killed; object storage is this process, and stays. */
export interface Fleet {
  /** The API as its owner. It may be away. */
  readonly api: Client
  readonly databaseUrl: string
  readonly blobs: S3BlobStore
  /** By name: `postgres`, `api`, `coordinator`, and sessions as long as they run. */
  readonly processes: ReadonlyMap<string, Revived>
  /**
   * Kills the database server, and with it all connections; it is started again at the same port: by the process
   * that runs it, or by that one's successor, where it is killed as well.
   */
  killPostgres(options: { withItsProcess: boolean }): Promise<void>
  /** Keeps sessions running, one after the other under each name. */
  startSessions(names: readonly string[], settings?: Record<string, string>): Promise<void>
  /** Lets them hand over and end. */
  stopSessions(): Promise<void>
  close(): Promise<void>
}

export async function startFleet(): Promise<Fleet> {
  const dir = mkdtempSync(path.join(tmpdir(), 'baton-fleet-'))
  // The database's user must get in.
  chmodSync(dir, 0o755)
  const cache = path.join(dir, 'cache')
  // A cache of the fleet's own, but for TensorFlow, which takes minutes to fetch.
  await prepareTensorflow()
  mkdirSync(cache)
  symlinkSync(path.join(defaultCacheDir(), 'tensorflow'), path.join(cache, 'tensorflow'))

  const s3Database = await createTestDatabase()
  mkdirSync(path.join(dir, 'objects'))
  const s3 = await startS3Server(s3Database.url, path.join(dir, 'objects'))
  const blobs = s3BlobStore({ endpoint: s3.url, region, bucket: 'baton', credentials })
  await blobs.ensureBucket()

  const processes = new Map<string, Revived>()
  const dataDir = path.join(dir, 'postgres')
  const databaseArguments = JSON.stringify({ dataDir, port: await freePort() })
  const postgres = revive(() => fork(fileURLToPath(entries.postgres), [databaseArguments], { silent: true }))
  processes.set('postgres', postgres)
  const [databaseUrl] = (await once(postgres.current(), 'message')) as [string]

  const url = `http://127.0.0.1:${await freePort()}`
  const environment = {
    ...leaseTimes,
    BATON_PORT: new URL(url).port,
    BATON_OWNER_TOKEN: ownerToken,
    DATABASE_URL: databaseUrl,
    S3_ENDPOINT: s3.url,
    S3_ACCESS_KEY_ID: credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  }
  for (const name of ['api', 'coordinator'] as const)
    processes.set(
      name,
      revive(() => run(entries[name], environment)),
    )
  const api = createClient({ url, token: ownerToken })
  await eventually(() => api.getHealth())

  const sessions = new Set<string>()
  const stop = async (names: Iterable<string>) => {
    await Promise.all(Array.from(names, (name) => processes.get(name)!.stop()))
  }
  return {
    api,
    databaseUrl,
    blobs,
    processes,
    async killPostgres({ withItsProcess }) {
      process.kill(await postmasterOf(dataDir), 'SIGKILL')
      if (withItsProcess) await postgres.kill()
    },
    async startSessions(names, settings = {}) {
      const tokens = await issueTokens(api)
      for (const name of names) {
        sessions.add(name)
        const start = () => {
          const own = { BATON_URL: url, BATON_ENROLMENT_TOKEN: tokens.pop() ?? 'none-left', BATON_NAME: name }
          const common = { BATON_CACHE: cache, BATON_THREADS: '1', BATON_MARGIN_SECONDS: '3' }
          return run(entries.worker, { ...own, ...common, ...settings })
        }
        processes.set(name, revive(start))
      }
    },
    async stopSessions() {
      await stop(sessions)
      sessions.clear()
    },
    async close() {
      await stop(sessions)
      await stop(['coordinator', 'api'])
      await stop(['postgres'])
      blobs.close()
      await s3.close()
      await s3Database.drop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Tries until it succeeds, whatever is away meanwhile; so long that only a test's own limit ends it. */
export function eventually<T>(work: () => Promise<T>): Promise<T> {
  return vi.waitFor(work, { timeout: 800_000, interval: 200 })
}

/** Made while the API is there, so that a session can start whatever was just killed. */
async function issueTokens(api: Client): Promise<string[]> {
  const issued = await Promise.all(Array.from({ length: 100 }, () => api.createEnrolment({ body: {} })))
  return issued.map(({ token }) => token)
}

/** Process id of the server, once one runs. */
function postmasterOf(dataDir: string): Promise<number> {
  return eventually(async () => {
    const pid = Number.parseInt(readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8'), 10)
    process.kill(pid, 0)
    return pid
  })
}

function run(entry: URL, environment: Record<string, string>): ChildProcess {
  const inherited = { PATH: process.env.PATH, HOME: process.env.HOME }
  return spawn(process.execPath, ['--enable-source-maps', fileURLToPath(entry)], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
