import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startBaton } from '@baton/cli'
import { loadConfig } from '@baton/config'
import { migrate } from '@baton/db'
import { createLog } from '@baton/log'
import { startPostgres } from '@baton/postgres'
import type { Benchmark, Figure, Run } from './figure.ts'
import { quantile } from './figure.ts'
import { freePort } from './free-port.ts'
import { fillBoards } from './leaderboard-data.ts'
import { startMlflow } from './mlflow.ts'

const experiments = 100_000
const foldsEach = 10
/** How often a page is asked for in a repetition: the 99th percentile is then the third slowest. */
const requests = 300
/** MLflow takes seconds for each. */
const peerRequests = 3

/** Somebody looks for what they remember of a run: a model, a range of CV, a cost, a value of the spec. */
const where =
  "model = 'resnet' AND cv BETWEEN 0.3 AND 0.62 AND interruptions >= 2 AND foldMin > 0.2 AND spec.stages.0.schedule.lr < 0.05"

/**
 * The leaderboard of 100,000 experiments with ten folds each, over REST, through the server with all its services; and
 * MLflow's search of as many runs, through its own server on its own store, in the same minutes.
 */
export default {
  summary: 'pages of the leaderboard of 100,000 experiments, beside MLflow',
  repetitions: 5,
  run: async ({ repetitions, say }: Run): Promise<Figure[]> => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-'))
    await chmod(folder, 0o755) // The database runs as a user of its own.
    const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
    try {
      const postgres = await startPostgres({ dataDir: path.join(folder, 'postgres'), durability: 'none' })
      ends.push(() => postgres.stop())
      await migrate({ url: postgres.url, log: { info: () => undefined } })
      say(`writing ${experiments.toLocaleString('en')} experiments with ${foldsEach} folds each`)
      await fillBoards(postgres.url, { experiments, foldsEach })
      const config = loadConfig({
        BATON_DATA: path.join(folder, 'data'),
        BATON_PORT: String(await freePort()),
        BATON_REQUESTS_PER_MINUTE: '1000000',
        DATABASE_URL: postgres.url,
      })
      const baton = await startBaton({ config, log: createLog({ app: 'bench', level: 'silent' }) })
      ends.push(() => baton.close())
      const mlflow = await startMlflow({ folder, runs: experiments, say })
      ends.push(() => mlflow.stop())
      const read = pageReader(`${baton.url}/v1/projects/bench/leaderboard`, baton.ownerToken.reveal())
      return await measure({ repetitions, say, read, search: mlflow.search })
    } finally {
      for (const end of ends.toReversed()) await end()
    }
  },
} satisfies Benchmark

type ReadPage = (query: Record<string, string>) => Promise<string>

interface Measuring {
  readonly repetitions: number
  readonly say: Run['say']
  readonly read: ReadPage
  readonly search: () => Promise<number>
}

async function measure({ repetitions, say, read, search }: Measuring): Promise<Figure[]> {
  const top = { limit: '100' }
  const deep = { limit: '100', where, cursor: await deepCursor(read, 25) }
  const sizeKb = Buffer.byteLength(await read(top)) / 1000
  await timed(requests, () => read(top)) // Plans, caches, compiled code.
  await timed(requests, () => read(deep))
  await search()
  const rounds: { top: number[]; deep: number[]; peer: number[] }[] = []
  for (let i = 0; i < repetitions; i++) {
    say(`repetition ${i + 1} of ${repetitions}`)
    rounds.push({
      top: await timed(requests, () => read(top)),
      deep: await timed(requests, () => read(deep)),
      peer: await timed(peerRequests, search),
    })
  }
  const of = (part: 'top' | 'deep' | 'peer', q: number) => rounds.map((round) => quantile(round[part], q))
  const [ours, peer] = [of('top', 0.5), of('peer', 0.5)]
  return [
    { name: 'top 100 of 100,000 experiments, p50', unit: 'ms', values: ours },
    { name: 'top 100 of 100,000 experiments, p99', unit: 'ms', values: of('top', 0.99), goal: { atMost: 25 } },
    { name: 'top 100, size of the answer', unit: 'kB', values: [sizeKb], goal: { atMost: 20 } },
    { name: 'filtered, page 51, 1,000,000 folds behind it, p50', unit: 'ms', values: of('deep', 0.5) },
    {
      name: 'filtered, page 51, 1,000,000 folds behind it, p99',
      unit: 'ms',
      values: of('deep', 0.99),
      goal: { atMost: 40 },
    },
    { name: 'MLflow: search, top 100 of 100,000 runs, p50', unit: 'ms', values: peer },
    {
      name: 'MLflow ÷ Baton, p50',
      unit: '×',
      values: ours.map((ms, i) => peer[i]! / ms),
      goal: { atLeast: 30 },
    },
  ]
}

function pageReader(url: string, token: string): ReadPage {
  return async (query) => {
    const response = await fetch(`${url}?${new URLSearchParams(query).toString()}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`the leaderboard answered ${response.status}: ${text}`)
    return text
  }
}

/** Where the filtered list goes on after so many pages of 200. */
async function deepCursor(read: ReadPage, pages: number): Promise<string> {
  let cursor: string | null = null
  for (let page = 0; page < pages; page++) {
    const text: string = await read({ where, limit: '200', ...(cursor === null ? {} : { cursor }) })
    cursor = (JSON.parse(text) as { nextCursor: string | null }).nextCursor
    if (cursor === null) throw new Error(`the filter leaves only ${page + 1} pages`)
  }
  return cursor!
}

/** Milliseconds of each call, one after the other, sorted. */
async function timed(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)
}
