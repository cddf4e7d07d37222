import { AppError } from '@baton/contracts'
import type { Fault } from '@baton/contracts'
import type { z } from 'zod'
import { Secret } from './secret.ts'
import {
  Audit,
  Auth,
  Client,
  Data,
  Database,
  EmbeddedStorage,
  Health,
  Http,
  Lease,
  LogSection,
  Metrics,
  Queue,
  QueueBoard,
  Retention,
  Storage,
  Telegram,
  Tracing,
} from './sections.ts'

/** What the services read from the environment. */
const sections = {
  http: Http,
  database: Database,
  queue: Queue,
  queueBoard: QueueBoard,
  storage: Storage,
  embeddedStorage: EmbeddedStorage,
  telegram: Telegram,
  auth: Auth,
  audit: Audit,
  retention: Retention,
  lease: Lease,
  data: Data,
  log: LogSection,
  health: Health,
  metrics: Metrics,
  tracing: Tracing,
}
const clientSections = { client: Client, data: Data }

export type Env = Readonly<Record<string, string | undefined>>
type Sections = Record<string, z.ZodType>
type Values<S extends Sections> = { readonly [K in keyof S]: z.output<S[K]> }

export type Config = Values<typeof sections>
export type ClientConfig = Values<typeof clientSections>

/**
 * The configuration of the services, frozen. A variable that is empty counts as not set.
 *
 * @throws {AppError} `config-invalid`, a fault for every mistake, its pointer the variable's name
 */
export function loadConfig(env: Env): Config {
  return load(sections, env)
}

/**
 * The configuration of commands that only call the API, so that a mistake in a service's variables cannot stop them.
 *
 * @throws {AppError} `config-invalid`, as `loadConfig`
 */
export function loadClientConfig(env: Env): ClientConfig {
  return load(clientSections, env)
}

function load<S extends Sections>(wanted: S, env: Env): Values<S> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const faults: Fault[] = []
  const values = Object.entries(wanted).map(([name, schema]) => {
    const result = schema.safeParse(given, { reportInput: true })
    for (const issue of result.error?.issues ?? [])
      faults.push({ pointer: String(issue.path[0]), detail: issue.message })
    return [name, result.data] as const
  })
  if (faults.length > 0) throw new AppError('config-invalid', {}, { faults })
  return deepFreeze(Object.fromEntries(values)) as Values<S>
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret))
    Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
