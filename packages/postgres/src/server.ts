import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import net from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { ServerUser } from './user.ts'

export interface ServerOptions {
  readonly program: string
  readonly user: ServerUser
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
}

/** One run of the postgres program. */
export interface Server {
  readonly process: ChildProcess
  /** Resolves once the process has ended or could not be started; never rejects. */
  readonly ended: Promise<{ code: number | null; signal: string | null; error?: Error }>
  /** What it wrote to its log so far. */
  readonly output: () => string
}

/** How long crash recovery may take before a start counts as failed. */
const readyLimitMs = 300_000
/** How long writing its memory to disk may take; after that the next start recovers from the log instead. */
const fastShutdownLimitMs = 15_000
/** Above this the log of earlier runs is moved aside, so that a flapping server cannot fill the disk. */
const logLimitBytes = 10 * 1024 * 1024

/** Starts the postgres program, apart from our terminal: Ctrl-C is for us, and we stop the server in order. */
export function spawnServer({ program, user, dataDir, logFile, port, settings }: ServerOptions): Server {
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) renameSync(logFile, `${logFile}.1`)
  const log = openSync(logFile, 'a', 0o600)
  const logStart = statSync(logFile).size
  const flags = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const child = spawn(program, ['-D', dataDir, ...flags], {
    ...user,
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  const ended = new Promise<Awaited<Server['ended']>>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => resolve({ code: null, signal: null, error }))
  })
  return { process: child, ended, output: () => readFrom(logFile, logStart) }
}

/**
 * Waits until the server answers queries.
 * @throws {Error} with what it logged, if it ends before or is not ready in time
 */
export async function waitUntilReady(server: Server, url: string): Promise<void> {
  let hasEnded = false
  void server.ended.then(() => (hasEnded = true))
  const giveUpAt = performance.now() + readyLimitMs
  while (!(await answers(url))) {
    if (hasEnded) throw await startFailure(server)
    if (performance.now() > giveUpAt) throw new Error(`PostgreSQL is not ready after ${readyLimitMs / 1000} s`)
    await delay(20)
  }
}

/** Someone else listens on the port the server was given. */
export class PortTaken extends Error {}

async function startFailure(server: Server): Promise<Error> {
  const { error } = await server.ended
  const [output, cause] = [server.output(), error === undefined ? {} : { cause: error }]
  const Failure = output.includes('could not create any TCP/IP sockets') ? PortTaken : Error
  return new Failure(`PostgreSQL did not start: ${error?.message ?? ''}\n${output}`, cause)
}

/** Stops the server in order, by force if that takes too long; returns once it has ended. */
export async function endServer(server: Server): Promise<void> {
  server.process.kill('SIGINT')
  const force = setTimeout(() => server.process.kill('SIGQUIT'), fastShutdownLimitMs)
  await server.ended
  clearTimeout(force)
}

export async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === '28P01') throw new Error('the stored password does not open the database', { cause: error })
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Lets a small process of its own watch over the server: the pipe to it closes when we are gone, even by kill -9,
 * and then it stops the server. It is started again should it be killed alone.
 *
 * @returns a function that ends the watch; call it only once the server has ended
 */
export function watchOver(serverPid: number): () => void {
  const script = `trap '' INT TERM HUP; read -r _; kill -INT "$1"`
  let isNeeded = true
  let watchdog: ChildProcess
  const start = () => {
    watchdog = spawn('/bin/sh', ['-c', script, 'baton-postgres-watchdog', String(serverPid)], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    watchdog.unref()
    ;(watchdog.stdin as net.Socket).on('error', () => undefined).unref()
    watchdog.once('exit', () => isNeeded && start())
  }
  start()
  return () => {
    isNeeded = false
    watchdog.kill('SIGKILL')
  }
}

/** A port of the loopback address that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The end of a file from a byte on, at most 4 KiB of it. */
function readFrom(file: string, start: number): string {
  const fd = openSync(file, 'r')
  try {
    const from = Math.max(start, statSync(file).size - 4096)
    const bytes = Buffer.alloc(4096)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, 4096, from)).trim()
  } finally {
    closeSync(fd)
  }
}
