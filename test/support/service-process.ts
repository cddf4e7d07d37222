import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { distOf } from './dist.ts'
import type { App } from './dist.ts'
import { imageOf, root } from './images.ts'

interface LogEntry {
  readonly level: string
  readonly msg: string
}

/** An app started as its image starts it, but here. */
export interface ServiceProcess {
  readonly log: readonly LogEntry[]
  /** Resolves once the process has logged this message; rejects if it ends before. */
  readonly logged: (message: string) => Promise<void>
  /** Whether the image's health check says that it is well. */
  readonly isWell: () => Promise<boolean>
  /** Sends SIGTERM, as `docker stop` does, and gives how the process ended. */
  readonly stop: () => Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly kill: () => Promise<void>
}

/** Starts `docker/Dockerfile`'s command of an app with the image's environment and `env` over it. */
export function startService(app: App, env: Readonly<Record<string, string>>): ServiceProcess {
  distOf(app)
  const image = imageOf(app)
  const { PATH = '', HOME = '' } = process.env
  const options = { cwd: root, env: { PATH, HOME, ...image.env, ...env } }
  const run = ([, ...args]: readonly string[]) =>
    spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const child = run(image.command!)
  const events = new EventEmitter()
  const log: LogEntry[] = []
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(JSON.parse(line) as LogEntry)
    events.emit('line')
  })
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  return {
    log,
    logged: async (message) => {
      while (!log.some(({ msg }) => msg === message)) {
        const end = await Promise.race([ended, once(events, 'line')])
        if ('code' in end) throw new Error(`${app} ended with ${end.code} before '${message}': ${errors}`)
      }
    },
    isWell: async () => {
      const [code] = (await once(run(image.health!), 'exit')) as [number | null]
      return code === 0
    },
    stop: async () => {
      child.kill('SIGTERM')
      return ended
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
