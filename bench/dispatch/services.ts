import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@baton/postgres'
import { freePort } from '../free-port.ts'

/** `baton`, as it was built: this file is bundled into a folder beside it. */
const baton = fileURLToPath(new URL('../main.js', import.meta.url))

export type QueueKind = 'PostgreSQL' | 'Redis'

export interface Services {
  readonly url: string
  readonly ownerToken: string
  readonly databaseUrl: string
  /** Where `baton up` keeps its secrets and objects. */
  readonly dataDir: string
  readonly close: () => Promise<void>
}

export const hasRedis = () => spawnSync('redis-server', ['--version']).status === 0

/**
 * `baton up` in a process of its own, as people run it, on a database whose commits reach the disk. The database is
 * started here so that its address is known: sessions by the thousand are inserted by SQL.
 */
export async function startServices(queue: QueueKind): Promise<Services> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-'))
  // PostgreSQL runs as another user under root.
  await chmod(folder, 0o755)
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const end of closers.reverse()) await end()
  }
  try {
    const postgres = await startPostgres({ dataDir: path.join(folder, 'postgres'), durability: 'safe' })
    closers.push(() => postgres.stop())
    const redisUrl = queue === 'Redis' ? await startRedis(path.join(folder, 'redis'), closers) : null
    const port = await freePort()
    const dataDir = path.join(folder, 'data')
    const server = spawn(process.execPath, [baton, 'up', '--workers', '0', '--json'], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        BATON_DATA: dataDir,
        BATON_PORT: String(port),
        BATON_REQUESTS_PER_MINUTE: '1000000',
        BATON_LOG_LEVEL: 'warn',
        DATABASE_URL: postgres.url,
        ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    closers.push(() => end(server, 'SIGTERM'))
    const url = `http://127.0.0.1:${port}`
    await answering(url, server)
    const ownerToken = (await readFile(path.join(dataDir, 'owner-token'), 'utf8')).trim()
    return { url, ownerToken, dataDir, databaseUrl: postgres.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startRedis(dir: string, closers: (() => Promise<unknown>)[]): Promise<string> {
  await mkdir(dir)
  const port = await freePort()
  // As production should be set up: every write in the append-only file, nothing evicted.
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  closers.push(() => end(server, 'SIGTERM'))
  for await (const line of createInterface({ input: server.stdout }))
    if (line.includes('Ready to accept connections')) break
  return `redis://127.0.0.1:${port}`
}

async function answering(url: string, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`baton ended with ${server.exitCode}`)
    const isThere = await fetch(`${url}/v1/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isThere) return
    await delay(100)
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}
