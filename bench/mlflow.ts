import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { installPython } from './python.ts'
import { repositoryFile } from './repository.ts'
import type { Run } from './figure.ts'

const version = '3.17.2'
const run = promisify(execFile)
const fillScript = repositoryFile('bench/fill-mlflow.py')

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
  const bin = await installPython({ name: `mlflow-${version}`, packages: [`mlflow==${version}`] }, say)
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
