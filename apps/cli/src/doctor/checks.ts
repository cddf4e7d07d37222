import { randomUUID } from 'node:crypto'
import { access, chmod, constants, mkdir, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { loadClientConfig, loadConfig } from '@baton/config'
import type { Config, Env } from '@baton/config'
import { createClient, isAppError } from '@baton/contracts'
import { openDatabase } from '@baton/db'
import { startPostgres } from '@baton/postgres'
import { openQueue } from '@baton/queue'
import { s3BlobStore } from '@baton/storage'
import { describeTensorflow } from '@baton/tensorflow'
import { formatBytes } from '../output/text.ts'

/** `warn`: Baton works, with less than it could have. `fail`: something will not work. */
export type Status = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly check: string
  readonly status: Status
  readonly detail: string
  /** What to do, where something is to be done. */
  readonly remedy?: string
}

type Outcome = Omit<Finding, 'check'>
type Check = (config: Config, env: Env) => Promise<Outcome>

const ok = (detail: string): Outcome => ({ status: 'ok', detail })
const warn = (detail: string, remedy: string): Outcome => ({ status: 'warn', detail, remedy })
const fail = (detail: string, remedy: string): Outcome => ({ status: 'fail', detail, remedy })

/**
 * Looks at everything that Baton needs on this machine, one finding each. It changes nothing that stays: what it
 * starts it stops, what it writes it removes.
 */
export async function* examine(env: Env): AsyncGenerator<Finding> {
  yield { check: 'Node', ...checkNode() }
  const config = configOf(env)
  if ('findings' in config) return yield* config.findings
  const checks: Record<string, Check> = {
    'data folder': checkDataFolder,
    TensorFlow: checkTensorflow,
    sharp: checkSharp,
    PostgreSQL: checkPostgres,
    queue: checkQueue,
    storage: checkStorage,
    API: checkApi,
    Telegram: checkTelegram,
    Kaggle: checkKaggle,
  }
  for (const [check, run] of Object.entries(checks))
    yield { check, ...(await run(config, env).catch((error: unknown) => fail(reasonOf(error), 'Report this.'))) }
}

function checkNode(): Outcome {
  const { node } = process.versions
  const [major, minor] = node.split('.').map(Number) as [number, number]
  if (major > 20 || (major === 20 && minor >= 19)) return ok(node)
  return fail(`${node} is too old`, 'Install Node 20.19 or newer from https://nodejs.org.')
}

function configOf(env: Env): Config | { findings: Finding[] } {
  try {
    return loadConfig(env)
  } catch (error) {
    if (!isAppError(error, 'config-invalid')) throw error
    const remedy = 'Correct the variable; the other checks need it.'
    const findings = error.faults.map(({ pointer, detail }) => ({ check: pointer, ...fail(detail, remedy) }))
    return { findings }
  }
}

/** A dataset, its cache and some experiments' checkpoints. */
const roomyBytes = 5e9

async function checkDataFolder({ data: { dir } }: Config): Promise<Outcome> {
  const probe = path.join(dir, `doctor-${randomUUID()}`)
  let made: string | undefined
  try {
    made = await mkdir(dir, { recursive: true })
    await writeFile(probe, '')
    const { bavail, bsize } = await statfs(dir)
    const free = `${dir}, ${formatBytes(bavail * bsize)} free`
    const isRoomy = bavail * bsize >= roomyBytes
    return isRoomy ? ok(free) : warn(free, 'Free some space: datasets and checkpoints want a few GB.')
  } catch (error) {
    return fail(
      `${dir} cannot be written: ${reasonOf(error)}`,
      'Open its permissions, or name another with BATON_DATA.',
    )
  } finally {
    await rm(made ?? probe, { recursive: true, force: true })
  }
}

async function checkTensorflow(): Promise<Outcome> {
  const { ready, sources } = await describeTensorflow()
  const found = sources.find((source) => source.found)
  if (ready && ready.source !== 'javascript') return ok(`${ready.version} (${ready.source}) on ${ready.device}`)
  if (found && found.source !== 'javascript')
    return ok(`${found.source}: ${found.detail}; bound when a worker first starts`)
  const lacks = sources.filter((source) => !source.found).map(({ source, detail }) => `${source}: ${detail}`)
  const words = lacks.join('; ')
  if (found)
    return warn(`pure JavaScript only, tens of times slower. ${words}`, 'Install TensorFlow for Python, and g++.')
  return fail(words, 'Install TensorFlow for Python, and g++.')
}

async function checkSharp(): Promise<Outcome> {
  try {
    const { default: sharp } = await import('sharp')
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'white' } })
      .png()
      .toBuffer()
    await sharp(png).raw().toBuffer()
    return ok(`libvips ${sharp.versions.vips}`)
  } catch (error) {
    return fail(`pictures cannot be decoded: ${reasonOf(error)}`, 'Run `npm run setup` for this platform.')
  }
}

async function checkPostgres({ database }: Config): Promise<Outcome> {
  if (database.url === null) return checkEmbeddedPostgres()
  const opened = openDatabase({ url: database.url.reveal(), maxConnections: 1 })
  try {
    await opened.ping()
    return ok('answers at DATABASE_URL')
  } catch (error) {
    return fail(`does not answer at DATABASE_URL: ${reasonOf(error)}`, 'Start it, or correct DATABASE_URL.')
  } finally {
    await opened.close()
  }
}

/** Makes and starts a database of no further use: nothing less proves that it would start. */
async function checkEmbeddedPostgres(): Promise<Outcome> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-doctor-'))
  try {
    // Under root the server runs as another user, who must get in.
    await chmod(folder, 0o755)
    const postgres = await startPostgres({ dataDir: path.join(folder, 'postgres'), durability: 'none' })
    await postgres.stop()
    return ok('embedded, starts')
  } catch (error) {
    return fail(`embedded, does not start: ${reasonOf(error)}`, 'Run `npm run setup`, or set DATABASE_URL.')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function checkQueue({ queue }: Config): Promise<Outcome> {
  if (queue.url === null) return ok('kept in PostgreSQL')
  const warnings: string[] = []
  const note = (_: object, message: string) => void warnings.push(message)
  const log = { info: () => undefined, warn: note, error: note }
  try {
    const opened = await openQueue({ backend: { kind: 'redis', url: queue.url.reveal() }, log })
    await opened.close()
  } catch (error) {
    return fail(`does not answer at REDIS_URL: ${reasonOf(error)}`, 'Start Redis, or correct or unset REDIS_URL.')
  }
  const [first] = warnings
  if (first === undefined) return ok('Redis answers at REDIS_URL')
  return warn(first, 'Set `appendonly yes` and `maxmemory-policy noeviction`.')
}

async function checkStorage({ storage }: Config): Promise<Outcome> {
  if (storage === null) return ok('embedded in the API')
  const { accessKeyId, secretAccessKey, ...where } = storage
  const blobs = s3BlobStore({ ...where, credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() } })
  try {
    await blobs.ensureBucket()
    const written = await blobs.write(Buffer.from(`baton doctor ${randomUUID()}`))
    await blobs.read(written.digest, { maxBytes: 100 })
    await blobs.remove([written.digest])
    return ok(`bucket ${storage.bucket} at ${storage.endpoint} takes and gives objects`)
  } catch (error) {
    const at = `bucket ${storage.bucket} at ${storage.endpoint}`
    return fail(`${at} cannot be used: ${reasonOf(error)}`, 'Check S3_ENDPOINT, S3_BUCKET, S3_REGION and the keys.')
  } finally {
    blobs.close()
  }
}

async function checkApi(_: Config, env: Env): Promise<Outcome> {
  const { url } = loadClientConfig(env).client
  try {
    const { version } = await createClient({ url, timeoutMs: 5000 }).getHealth()
    return ok(`${version} answers at ${url}`)
  } catch {
    return warn(`nothing answers at ${url}`, 'Start it with `baton up`, or set BATON_URL.')
  }
}

async function checkTelegram({ telegram }: Config): Promise<Outcome> {
  if (telegram === null) return ok('not set up (BATON_TELEGRAM_TOKEN)')
  const { apiRoot, token } = telegram
  try {
    const response = await fetch(`${apiRoot}/bot${token.reveal()}/getMe`, { signal: AbortSignal.timeout(10_000) })
    const answer = (await response.json()) as { ok?: boolean; result?: { username?: string }; description?: string }
    if (answer.ok) return ok(`bot @${answer.result?.username}`)
    return fail(`${apiRoot} says: ${answer.description ?? response.status}`, 'Give the token that @BotFather shows.')
  } catch (error) {
    // The reason of a failed fetch would name the address, and the token in it.
    const code = ((error as Error).cause as { code?: string } | undefined)?.code ?? (error as Error).name
    return fail(`${apiRoot} does not answer: ${code}`, 'Check the network, or BATON_TELEGRAM_API_ROOT.')
  }
}

/** Notebooks are started by hand with the command of `baton enrol`, so credentials are not needed. */
async function checkKaggle(_: Config, env: Env): Promise<Outcome> {
  if (env.KAGGLE_USERNAME && env.KAGGLE_KEY) return ok('credentials in KAGGLE_USERNAME and KAGGLE_KEY')
  const file = path.join(env.KAGGLE_CONFIG_DIR ?? path.join(os.homedir(), '.kaggle'), 'kaggle.json')
  const isThere = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  )
  if (!isThere) return ok('no credentials, and none needed: start a notebook with the command of `baton enrol`')
  const { mode } = await stat(file)
  return (mode & 0o077) === 0
    ? ok(`credentials in ${file}`)
    : warn(`others can read ${file}`, `Run \`chmod 600 ${file}\`.`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
