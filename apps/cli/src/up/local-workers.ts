import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Env } from '@baton/config'
import type { Client } from '@baton/contracts'
import type { Log } from '@baton/log'
import { retrying } from '../client/retry.ts'

export interface LocalWorkersOptions {
  readonly count: number
  /** Address of the API, and a client of it that may enrol sessions. */
  readonly url: string
  readonly api: Client
  readonly log: Log
  /** Takes what the workers print, line by line: their log, and what libraries say beside it. */
  readonly onLine: (line: string) => void
  /** What workers inherit; credentials in it are held back. */
  readonly env: Env
  /** Seconds that a session lasts before it hands over and a new one starts; default no end. */
  readonly sessionSeconds?: number | undefined
}

export interface LocalWorkers {
  /** The processes that run now, by the worker's number from 1. */
  readonly processes: ReadonlyMap<number, ChildProcess>
  /** Asks each session to hand over, and returns once all have ended. Asked again, they have only seconds for it. */
  close(): Promise<void>
}

const entry = new URL('./worker-process.ts', import.meta.url)
/** A worker that cannot start, or has no time for a lease, would otherwise be started again and again. */
const restartDelayMs = 2000
/** The worker's settings that `baton up` hands through. */
const passedSettings = ['CACHE', 'CACHE_BYTES', 'THREADS', 'EXECUTION', 'POOLS', 'LOG_LEVEL', 'MARGIN_SECONDS'].map(
  (name) => `BATON_${name}`,
)

/**
 * Keeps a number of worker sessions running on this machine, each a process of its own with a token of its own. One
 * that ends, by its deadline or by being killed, is followed by the next, as notebooks are. When this process dies,
 * they end within seconds.
 */
export function startLocalWorkers(options: LocalWorkersOptions): LocalWorkers {
  const stopping = new AbortController()
  const processes = new Map<number, ChildProcess>()
  const slots = Array.from({ length: options.count }, (_, i) => keepOne(options, i + 1, processes, stopping.signal))
  return {
    processes,
    close: async () => {
      stopping.abort()
      for (const child of processes.values()) child.kill('SIGTERM')
      await Promise.all(slots)
    },
  }
}

async function keepOne(
  options: LocalWorkersOptions,
  number: number,
  processes: Map<number, ChildProcess>,
  stopping: AbortSignal,
): Promise<void> {
  const log = options.log.child({ worker: number })
  while (!stopping.aborted) {
    try {
      const { token } = await retrying(() => options.api.createEnrolment({ body: {} }, { signal: stopping }))
      const startedMs = performance.now()
      const child = startOne(options, number, token)
      processes.set(number, child)
      // Stopping may have begun while the token was on its way.
      if (stopping.aborted) child.kill('SIGTERM')
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
      log.info({ code, signal }, 'local worker ended')
      if (code === 0 && performance.now() - startedMs > restartDelayMs) continue
    } catch (error) {
      if (!stopping.aborted) log.warn({ error }, 'local worker could not be started')
    } finally {
      processes.delete(number)
    }
    await setTimeout(restartDelayMs, undefined, { signal: stopping }).catch(() => undefined)
  }
}

function startOne(
  { url, env, count, sessionSeconds, onLine }: LocalWorkersOptions,
  number: number,
  token: string,
): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(entry)], {
    env: {
      ...withoutCredentials(env),
      ...Object.fromEntries(passedSettings.map((name) => [name, env[name]])),
      BATON_URL: url,
      BATON_ENROLMENT_TOKEN: token,
      BATON_NAME: `local-${number}`,
      BATON_THREADS: env.BATON_THREADS ?? String(Math.max(1, Math.floor(availableParallelism() / count))),
      ...(sessionSeconds === undefined ? {} : { BATON_SESSION_SECONDS: String(sessionSeconds) }),
    },
    // Its standard input ends when this process dies, however it dies.
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is for this process, which tells the workers in its own time.
    detached: true,
  })
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine)
  return child
}

/** A worker gets its enrolment and no other credential. */
function withoutCredentials(env: Env): Env {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(BATON_|S3_|AWS_|DATABASE_URL$|REDIS_URL$)/.test(name)),
  )
}
