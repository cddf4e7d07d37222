import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrainingEnvironment } from '@baton/contracts'
import { describeTensorflow } from '@baton/tensorflow'
import type { TensorflowReport } from '@baton/tensorflow'

/** A cache of its own, so that fetching and compiling really happen. */
let cacheDir: string

beforeAll(async () => {
  cacheDir = await mkdtemp(path.join(tmpdir(), 'baton-tensorflow-'))
})
afterAll(() => rm(cacheDir, { recursive: true }))

interface Trained {
  readonly environment: TrainingEnvironment
  readonly before: number
  readonly after: number
}

function start(job: string, env: NodeJS.ProcessEnv = {}, stderr: 'inherit' | 'pipe' = 'inherit'): ChildProcess {
  const program = fileURLToPath(new URL('./tensorflow-child.ts', import.meta.url))
  return spawn(process.execPath, [program, job], {
    // A group of its own.
    detached: true,
    env: { ...process.env, BATON_CACHE: cacheDir, ...env },
    stdio: ['ignore', 'pipe', stderr],
  })
}

/** What a child said last, once it has ended. */
async function outcome<T>(child: ChildProcess): Promise<T> {
  let last = ''
  for await (const line of createInterface({ input: child.stdout! })) last = line
  return JSON.parse(last) as T
}

test('a preparation killed half-way leaves nothing that looks finished; the next one is not held up and finishes', async () => {
  const killed = start('prepare')
  for await (const line of createInterface({ input: killed.stdout! })) if (/fetching|binding/.test(line)) break
  // With the pip that it runs, as when a container goes: left alone that would fill a folder that the next one removes.
  process.kill(-killed.pid!, 'SIGKILL')
  await once(killed, 'exit')
  expect((await describeTensorflow({ cacheDir })).ready).toBeNull()

  const [first, second] = [start('prepare'), start('prepare')]
  const [report, other] = await Promise.all([outcome<TensorflowReport>(first), outcome<TensorflowReport>(second)])
  expect(['python', 'fetched']).toContain(report.source)
  expect(other).toEqual(report)
  expect((await describeTensorflow({ cacheDir })).ready).toEqual(report)
  const leftovers = (await readdir(path.join(cacheDir, 'tensorflow'))).filter((name) => /draft|lock/.test(name))
  expect(leftovers).toEqual([])
})

test('a bundled program trains with what was prepared, and says what decides its bytes', async () => {
  const { environment, before, after } = await outcome<Trained>(start('train'))
  expect(after).toBeLessThan(before)
  expect(environment).toMatchObject({ backend: 'tfjs-node 4.22.0', intraOpThreads: 2, oneDnn: true })
  expect(environment.tensorflow).toMatch(/^2\.\d+\.\d+/)
})

test('equal settings train to equal bytes, in a thread too; a thread that cannot pin its settings refuses to', async () => {
  const inProcess = await outcome<Trained>(start('train'))
  expect(await outcome<Trained>(start('thread-with-env'))).toEqual(inProcess)
  expect(await outcome(start('thread'))).toMatchObject({ error: expect.stringContaining('SHARE_ENV') as string })
})

test('on a CPU a graph gets those passes before its first run that make something quicker', async () => {
  const child = start('graph', { TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'meta_optimizer=1' }, 'pipe')
  const [{ sum }, told] = await Promise.all([outcome<{ sum: number }>(child), text(child.stderr!)])
  expect(sum).toBe(4 * 3 * 22 ** 2)
  const passes = Array.from(told.matchAll(/\] (\w+).*: Graph size after/g), ([, pass]) => pass)
  expect(new Set(passes)).toEqual(new Set(['model_pruner', 'tfg_optimizer', 'remapper']))
})

test("the machine's own Python comes first where it has TensorFlow", async () => {
  const { ready } = await describeTensorflow({ cacheDir })
  await forgetPreparation()
  const report = await outcome<TensorflowReport>(start('prepare', { PYTHONPATH: path.dirname(ready!.library!) }))
  expect(report).toMatchObject({ source: 'python', library: ready!.library, version: ready!.version })
})

/** As after a change of Node's version: what was fetched and compiled stays. */
async function forgetPreparation(): Promise<void> {
  const folder = path.join(cacheDir, 'tensorflow')
  const stamps = (await readdir(folder)).filter((name) => name.startsWith('ready-'))
  await Promise.all(stamps.map((name) => rm(path.join(folder, name))))
}
