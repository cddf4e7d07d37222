import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Blob, Client, Lease } from '@baton/contracts'
import { createLog } from '@baton/log'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { systemClock } from '../apps/worker/src/clock.ts'
import type { Tools } from '../apps/worker/src/retry-policy.ts'
import { foldAddresses } from '../apps/worker/src/transfer/addresses.ts'
import { openBlobCache } from '../apps/worker/src/transfer/blob-cache.ts'
import { pullBlobs } from '../apps/worker/src/transfer/pull-blobs.ts'
import { startServices } from './dispatch/services.ts'
import type { Benchmark, Figure, Run } from './figure.ts'
import { freePort } from './free-port.ts'

/** Pulled in each measurement. Less, for a look or a test: BATON_BENCH_PULL_MIB. */
const totalBytes = Number(process.env.BATON_BENCH_PULL_MIB ?? 2048) * 2 ** 20
const sizes = [
  { name: '4 MiB', bytes: 4 * 2 ** 20 },
  { name: '100 kB', bytes: 100_000 },
] as const
/** Objects that the peers transfer side by side. */
const transfers = 16
const region = 'us-east-1'

/** An S3 server to pull from. */
interface Server {
  readonly name: string
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly close: () => Promise<void>
}

/** Objects in a bucket of their own. */
interface Shelf {
  readonly server: Server
  readonly bucket: string
  readonly store: S3BlobStore
  readonly blobs: readonly Blob[]
}

/** Brings all objects of a bucket into an empty folder. */
interface Puller {
  readonly name: string
  pull(shelf: Shelf, folder: string): Promise<void>
}

/**
 * Pulls the same objects as a session does, with rclone and with aws-cli, one after the other, from the same server: the
 * store that Baton brings, and versitygw where it is found (on the PATH, or named by VERSITYGW).
 */
export default {
  summary: 'pulling 2 GiB in objects of 4 MiB and of 100 kB, beside rclone and aws-cli',
  repetitions: 3,
  run: async ({ repetitions, say }: Run): Promise<Figure[]> => {
    const peers = findPeers(say)
    const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-pull-'))
    try {
      const figures: Figure[] = []
      for (const start of [startEmbedded, startVersitygw]) {
        const server = await start(path.join(folder, 'store'), say)
        if (server === null) continue
        try {
          for (const size of sizes) figures.push(...(await compare({ server, size, peers, folder, repetitions, say })))
        } finally {
          await server.close()
          await rm(path.join(folder, 'store'), { recursive: true, force: true })
        }
      }
      return figures
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
} satisfies Benchmark

interface Compare {
  readonly server: Server
  readonly size: (typeof sizes)[number]
  readonly peers: readonly Puller[]
  readonly folder: string
  readonly repetitions: number
  readonly say: Run['say']
}

async function compare({ server, size, peers, folder, repetitions, say }: Compare): Promise<Figure[]> {
  const count = Math.ceil(totalBytes / size.bytes)
  say(`${server.name}: storing ${count} objects of ${size.name}`)
  const shelf = await fill(server, size.bytes, count)
  const pullers = [baton, ...peers]
  const seconds = new Map(pullers.map(({ name }) => [name, [] as number[]]))
  for (let i = 0; i < repetitions; i++)
    for (const [turn] of pullers.entries()) {
      const puller = pullers[(i + turn) % pullers.length]!
      const took = await timed(puller, shelf, path.join(folder, 'pulled'))
      seconds.get(puller.name)!.push(took)
      say(`${server.name}, ${size.name}, ${i + 1} of ${repetitions}: ${puller.name} ${took.toFixed(1)} s`)
    }
  shelf.store.close()
  const what = `${(totalBytes / 2 ** 30).toPrecision(2)} GiB in ${size.name}, ${server.name}`
  const ours = seconds.get(baton.name)!
  return pullers.flatMap(({ name }): Figure[] => {
    const own: Figure = { name: `${what}: ${name}`, unit: 's', values: seconds.get(name)! }
    if (name === baton.name) return [own]
    const ratios = own.values.map((took, i) => took / ours[i]!)
    return [own, { name: `${what}: ${name} ÷ ${baton.name}`, unit: '×', values: ratios, goal: { atLeast: 1 } }]
  })
}

/** Stores so many objects of random bytes. */
async function fill(server: Server, sizeBytes: number, count: number): Promise<Shelf> {
  const bucket = `pull-${sizeBytes}`
  const { endpoint, credentials } = server
  const store = s3BlobStore({ endpoint, region, bucket, credentials })
  await store.ensureBucket()
  const blobs: Blob[] = []
  const lane = async () => {
    while (blobs.length < count) {
      const bytes = randomFillSync(Buffer.allocUnsafe(sizeBytes))
      const digest = createHash('sha256').update(bytes).digest('hex')
      blobs.push({ digest, sizeBytes })
      await store.write(bytes)
    }
  }
  await Promise.all(Array.from({ length: 16 }, lane))
  return { server, bucket, store, blobs }
}

/** Seconds of one pull into an empty folder, checked to have brought everything. */
async function timed(puller: Puller, shelf: Shelf, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  // What others wrote is not to be waited for in this one's time.
  spawnSync('sync')
  const start = performance.now()
  await puller.pull(shelf, folder)
  const seconds = (performance.now() - start) / 1000
  const names = await readdir(folder)
  if (names.length !== shelf.blobs.length)
    throw new Error(`${puller.name} brought ${names.length} of ${shelf.blobs.length}`)
  return seconds
}

const tools: Tools = {
  clock: systemClock,
  random: Math.random,
  log: createLog({ app: 'bench', level: 'warn' }),
}

/** What a session does for a fold; only that addresses are made here, not by the API on another machine. */
const baton: Puller = {
  name: 'Baton',
  async pull({ store, blobs }, folder) {
    const cacheDir = await mkdtemp(`${folder}-cache-`)
    const { signal } = new AbortController()
    const api = {
      createFoldDownloads: async ({ body }: { body: { digests: string[] } }) => ({
        items: await Promise.all(
          body.digests.map(async (digest) => ({
            digest,
            url: await store.presignGet(digest, { expiresSeconds: 3600 }),
          })),
        ),
      }),
    } as unknown as Client
    const lease = { foldId: 'fold', fence: 1 } as Lease
    const digests = blobs.map(({ digest }) => digest)
    const addresses = foldAddresses(tools, { api, lease, digests, signal })
    const cache = await openBlobCache(cacheDir)
    await pullBlobs(tools, { blobs, cache, into: folder, addresses, signal })
    await rm(cacheDir, { recursive: true })
  },
}

function findPeers(say: Run['say']): Puller[] {
  return [rclone, awsCli].filter(({ program, name, remedy }) => {
    const isThere = spawnSync(program, ['--version']).status === 0
    if (!isThere) say(`${name} is not here, so it is not compared with: ${remedy}`)
    return isThere
  })
}

interface Peer extends Puller {
  readonly program: string
  readonly remedy: string
}

const rclone: Peer = {
  name: 'rclone',
  program: 'rclone',
  remedy: 'apt-get install rclone, or https://rclone.org/install/',
  pull: ({ server, bucket }, folder) =>
    call(server, 'rclone', [
      'copy',
      `server:${bucket}`,
      folder,
      `--transfers=${transfers}`,
      `--checkers=${transfers}`,
      '--config=',
    ]),
}

const awsCli: Peer = {
  name: 'aws s3 cp',
  program: 'aws',
  remedy: 'pip install awscli, or apt-get install awscli',
  pull: ({ server, bucket }, folder) =>
    call(server, 'aws', [
      's3',
      'cp',
      '--recursive',
      '--only-show-errors',
      `--endpoint-url=${server.endpoint}`,
      `s3://${bucket}`,
      folder,
    ]),
}

/** Runs a client of S3 to its end, with nothing of its user's settings. */
async function call(server: Server, program: string, args: readonly string[]): Promise<void> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-home-'))
  const awsConfig = path.join(home, 'aws-config')
  await writeFile(awsConfig, `[default]\ns3 =\n  max_concurrent_requests = ${transfers}\n  addressing_style = path\n`)
  const { accessKeyId, secretAccessKey } = server.credentials
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      AWS_CONFIG_FILE: awsConfig,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: region,
      AWS_EC2_METADATA_DISABLED: 'true',
      RCLONE_CONFIG_SERVER_TYPE: 's3',
      RCLONE_CONFIG_SERVER_PROVIDER: 'Other',
      RCLONE_CONFIG_SERVER_ENDPOINT: server.endpoint,
      RCLONE_CONFIG_SERVER_REGION: region,
      RCLONE_CONFIG_SERVER_ACCESS_KEY_ID: accessKeyId,
      RCLONE_CONFIG_SERVER_SECRET_ACCESS_KEY: secretAccessKey,
      NO_PROXY: '127.0.0.1',
    },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  await rm(home, { recursive: true, force: true })
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
}

/** The object store that Baton brings, in `baton up` as people run it. */
async function startEmbedded(): Promise<Server> {
  const { url, dataDir, close } = await startServices('PostgreSQL')
  const secretAccessKey = (await readFile(path.join(dataDir, 's3-secret'), 'utf8')).trim()
  return {
    name: 'embedded store',
    endpoint: `${url}/s3`,
    credentials: { accessKeyId: 'baton', secretAccessKey },
    close,
  }
}

/** Another S3 server, written in Go; its file system must have extended attributes. Null where it is not here. */
async function startVersitygw(folder: string, say: Run['say']): Promise<Server | null> {
  const program = process.env.VERSITYGW ?? 'versitygw'
  if (spawnSync(program, ['--version']).status !== 0) {
    say('versitygw is not here: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0')
    return null
  }
  const address = `127.0.0.1:${await freePort()}`
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'known-to-this-benchmark-only' }
  await mkdir(path.join(folder, 'data'), { recursive: true })
  const child = spawn(program, ['--port', address, '--keep-alive', '--quiet', 'posix', path.join(folder, 'data')], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
  })
  const endpoint = `http://${address}`
  while (!(await fetch(endpoint).catch(() => null))) if (child.exitCode !== null) throw new Error('versitygw ended')
  const close = async () => {
    child.kill()
    await once(child, 'exit')
  }
  return { name: 'versitygw', endpoint, credentials, close }
}
