import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { defaultCacheDir } from '@baton/tensorflow'
import { freePort } from './free-port.ts'
import type { Run } from './figure.ts'

const version = '3.17.2'
const run = promisify(execFile)
/** Beside the bundle that runs, which is four folders below the repository. */
const fillScript = path.resolve(import.meta.dirname, '../../../../bench/fill-mlflow.py')

export interface Mlflow {
  /** Searches the hundred runs with the best CV; answers how many came. */
  readonly search: () => Promise<number>
  readonly stop: () => Promise<void>
}

/** MLflow's own server on a SQLite store, which is what it starts on by default, filled with runs. */
export async function startMlflow({
  folder,
  runs,
  say,
}: {
  folder: string
  runs: number
  say: Run['say']
}): Promise<Mlflow> {
  const bin = await install(say)
  const store = `sqlite:///${path.join(folder, 'mlflow.db')}`
  say(`writing ${runs.toLocaleString('en')} runs into MLflow ${version}`)
  const { stdout } = await run(path.join(bin, 'python'), [fillScript, store, String(runs)], { maxBuffer: 2 ** 24 })
  const experiment = stdout.trim().split('\n').at(-1)!
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = [
    'server',
    '--backend-store-uri',
    store,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--workers',
    '1',
  ]
  // In a group of its own: the server has children.
  const child = spawn(path.join(bin, 'mlflow'), server, { cwd: folder, stdio: 'ignore', detached: true })
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
    await ended
  }
  try {
    await answering(url, ended)
    return { search: () => search(url, experiment), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Its own Python environment, made once: hundreds of megabytes that nothing else of Baton needs. */
async function install(say: Run['say']): Promise<string> {
  const environment = path.join(defaultCacheDir(), 'bench', `mlflow-${version}`)
  const bin = path.join(environment, 'bin')
  if (existsSync(path.join(bin, 'mlflow'))) return bin
  say(`installing MLflow ${version} into ${environment}`)
  await run('python3', ['-m', 'venv', '--clear', environment])
  await run(path.join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', `mlflow==${version}`], { maxBuffer: 2 ** 24 })
  return bin
}

async function answering(url: string, ended: Promise<unknown>): Promise<void> {
  let isOver = false
  void ended.then(() => (isOver = true))
  for (let tries = 0; tries < 600 && !isOver; tries++) {
    const response = await fetch(`${url}/health`).catch(() => null)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('MLflow does not answer')
}

async function search(url: string, experiment: string): Promise<number> {
  const response = await fetch(`${url}/api/2.0/mlflow/runs/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_ids: [experiment], order_by: ['metrics.cv DESC'], max_results: 100 }),
  })
  if (!response.ok) throw new Error(`MLflow answered ${response.status}: ${await response.text()}`)
  const { runs } = (await response.json()) as { runs: unknown[] }
  if (runs.length !== 100) throw new Error(`MLflow found ${runs.length} runs`)
  return runs.length
}
