import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { freePort } from './free-port.ts'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe } from 'vitest'

export interface TestRedis {
  readonly url: string
  /** Ends the server without letting it save anything, as kill -9 does; its data stays for `start`. */
  readonly kill: () => Promise<void>
  /** Starts the killed server again at the same address. */
  readonly start: () => Promise<void>
  /** Ends the server and removes its data. */
  readonly stop: () => Promise<void>
}

/** `describe`, or a skipped one that counts as skipped where no redis-server is installed. */
export function describeWithRedis(name: string, suite: () => void): void {
  const isInstalled = spawnSync('redis-server', ['--version']).status === 0
  describe.runIf(isInstalled)(name, suite)
}

/**
 * Starts a redis-server on a free port, set up as production should be: every write to the append-only file,
 * nothing evicted.
 * @param settings laid over those, such as `{ appendonly: 'no' }`
 */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<TestRedis> {
  const dir = mkdtempSync(path.join(tmpdir(), 'baton-redis-'))
  const port = await freePort()
  const common = { bind: '127.0.0.1', dir, save: '', appendonly: 'yes', 'maxmemory-policy': 'noeviction' }
  const args = Object.entries({ port: String(port), ...common, ...settings }).flatMap(([key, value]) => [
    `--${key}`,
    value,
  ])
  const launch = async () => {
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: child.stdout }))
      if (line.includes('Ready to accept connections')) return child
    throw new Error('redis-server ended before it was ready')
  }
  let server = await launch()
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start: async () => void (server = await launch()),
    stop: async () => {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
