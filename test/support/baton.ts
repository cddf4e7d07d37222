import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startBaton, startLocalWorkers } from '@baton/cli'
import type { RunningBaton } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { createLog } from '@baton/log'
import { defaultCacheDir } from '@baton/tensorflow'
import { createTestDatabase, freePort } from '@baton/testing'

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface TestBaton {
  readonly baton: RunningBaton
  /** What a client's environment names: address and token. */
  readonly env: Record<string, string>
  /** Runs a program to its end, with that environment. */
  run(command: string, args: readonly string[]): Promise<Ended>
  /** Runs `baton` as a process. */
  cli(...args: string[]): Promise<Ended>
  /** Makes a project with the small emoji dataset, `emoji`. */
  createEmoji(project: string): Promise<void>
  close(): Promise<void>
}

/** All services in this process on a database of their own, with worker sessions beside them. */
export async function startTestBaton({
  workers,
  settings: more = {},
}: {
  workers: number
  settings?: Record<string, string>
}): Promise<TestBaton> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-e2e-'))
  await chmod(folder, 0o755)
  const database = await createTestDatabase()
  const settings = {
    BATON_DATA: path.join(folder, 'data'),
    BATON_PORT: String(await freePort()),
    DATABASE_URL: database.url,
    // Progress and commands travel with heartbeats: seldom ones would only make tests wait.
    BATON_HEARTBEAT_SECONDS: '1',
    ...more,
  }
  const log = createLog({ app: 'baton', level: 'silent' })
  const baton = await startBaton({ config: loadConfig(settings), log })
  const sessions = startLocalWorkers({
    count: workers,
    url: baton.url,
    api: baton.api,
    log,
    onLine: () => undefined,
    env: { ...process.env, BATON_THREADS: '1' },
  })
  const env = { BATON_URL: baton.url, BATON_TOKEN: baton.ownerToken.reveal(), BATON_DATA: settings.BATON_DATA }
  const run = async (command: string, args: readonly string[]): Promise<Ended> => {
    // A home of their own, but not a TensorFlow of their own to fetch.
    const own = { PATH: process.env.PATH, HOME: folder, BATON_CACHE: defaultCacheDir() }
    const child = spawn(command, args, { env: { ...own, ...env } })
    const ended = once(child, 'exit') as Promise<[number | null]>
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    return { code, stdout, stderr }
  }
  const cli = (...args: string[]) => run(process.execPath, [main, ...args])
  return {
    baton,
    env,
    run,
    cli,
    createEmoji: async (project) => {
      for (const args of [
        ['project', 'create', project],
        ['dataset', 'create', 'emoji', '--project', project, '--emoji', '--limit', '120', '--size', '16'],
      ]) {
        const { code, stderr } = await cli(...args)
        if (code !== 0) throw new Error(`baton ${args.join(' ')} ended with ${code}: ${stderr}`)
      }
    },
    close: async () => {
      await sessions.close()
      await baton.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
