import { hostname } from 'node:os'
import { AppError, Provider, Slug, TrainingEnvironment } from '@baton/contracts'
import { defaultCacheDir } from '@baton/tensorflow'
import { z } from 'zod'

const must = (what: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? `is missing; give ${what}` : `must be ${what}`),
})
const text = (what: string) => z.string(must(what)).trim()
const seconds = (what = 'seconds, above 0') => z.coerce.number(must(what)).positive(must(what))
const count = (most: number, least = 1) => {
  const what = `a whole number, ${least} to ${most}`
  return z.coerce.number(must(what)).int(must(what)).min(least, must(what)).max(most, must(what))
}
const oneOf = <const T extends readonly string[]>(values: T) => z.enum(values, must(`one of ${values.join(', ')}`))

/** The worker's settings by environment variable. What each means stands in `help`. */
const WorkerEnvironment = z
  .object({
    BATON_URL: z.url({ protocol: /^https?$/, ...must('the address of the API, e.g. https://baton.example.org') }),
    // A fault never shows what was given: it is secret.
    BATON_ENROLMENT_TOKEN: text('a one-use enrolment token').regex(/^[\w-]+$/, must('a one-use enrolment token')),
    BATON_PROVIDER: oneOf(Provider.options).default('local'),
    BATON_NAME: text('a name of at most 120 characters')
      .max(120, must('a name of at most 120 characters'))
      .default(hostname),
    BATON_POOLS: text('pool names, by commas')
      .transform((names) => names.split(',').map((name) => name.trim()))
      .pipe(z.array(Slug).max(16, 'must be at most 16 pools'))
      .default(['default']),
    BATON_SESSION_SECONDS: seconds()
      .max(30 * 86_400, 'must be at most 30 days')
      .optional(),
    BATON_MARGIN_SECONDS: seconds().default(30),
    BATON_MAX_IDLE_SECONDS: seconds().optional(),
    BATON_CACHE: text('a folder').default(() => defaultCacheDir()),
    BATON_CACHE_BYTES: count(Number.MAX_SAFE_INTEGER).default(20e9),
    BATON_THREADS: count(1024).optional(),
    BATON_DATA_THREADS: count(1024, 0).optional(),
    BATON_EXECUTION: oneOf(TrainingEnvironment.shape.execution.unwrap().options).default('compiled'),
    BATON_LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    OTEL_EXPORTER_OTLP_ENDPOINT: z
      .url({ protocol: /^https?$/, ...must('the address of a collector, e.g. http://127.0.0.1:4318') })
      .transform((url) => url.replace(/\/+$/, ''))
      .optional(),
    // They may hold a key.
    OTEL_EXPORTER_OTLP_HEADERS: text('name=value, several by commas').optional(),
  })
  .transform((env) => ({
    url: env.BATON_URL,
    enrolmentToken: env.BATON_ENROLMENT_TOKEN,
    provider: env.BATON_PROVIDER,
    name: env.BATON_NAME,
    pools: env.BATON_POOLS,
    secondsLeft: env.BATON_SESSION_SECONDS ?? null,
    marginSeconds: env.BATON_MARGIN_SECONDS,
    maxIdleSeconds: env.BATON_MAX_IDLE_SECONDS ?? null,
    cacheDir: env.BATON_CACHE,
    cacheBytes: env.BATON_CACHE_BYTES,
    threads: env.BATON_THREADS ?? null,
    dataThreads: env.BATON_DATA_THREADS ?? null,
    execution: env.BATON_EXECUTION,
    logLevel: env.BATON_LOG_LEVEL,
    tracing:
      env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? null
        : { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, headers: env.OTEL_EXPORTER_OTLP_HEADERS ?? null },
  }))

/** The worker's settings, checked. */
export type WorkerConfig = z.infer<typeof WorkerEnvironment>

export const help = `Usage: baton worker

Runs one session: leases folds, one at a time or one a GPU, trains them, hands them over. It ends by itself before its time is up; SIGTERM
or Ctrl-C ends it earlier, and loses nothing. All settings are environment variables:

  BATON_URL               address of the API (required)
  BATON_ENROLMENT_TOKEN   one-use token from \`baton enrol\` (required)
  BATON_PROVIDER          ${Provider.options.join(', ')} (default local)
  BATON_NAME              how people tell sessions apart (default the host name)
  BATON_POOLS             queues to serve, by commas, the first one first (default default)
  BATON_SESSION_SECONDS   seconds that the provider gives from now on (default its profile's: baton providers)
  BATON_MARGIN_SECONDS    seconds of them kept free for the farewell (default 30)
  BATON_MAX_IDLE_SECONDS  seconds without work after which it ends (default never)
  BATON_CACHE             folder for data, code and TensorFlow (default ${defaultCacheDir()})
  BATON_CACHE_BYTES       bytes of data and code kept there for later (default 20000000000)
  BATON_THREADS           threads of a training; another number gives other bytes (default one a core, shared out
                          among GPUs)
  BATON_DATA_THREADS      threads that decode and augment pictures; 0: the training's own does (default one a core,
                          shared out among GPUs)
  BATON_EXECUTION         compiled: a training's steps run as graphs; eager: operation by operation, in other bytes
                          (default compiled)
  BATON_LOG_LEVEL         debug, info, warn, error, silent (default info)

To send traces of what it does to an OpenTelemetry collector:

  OTEL_EXPORTER_OTLP_ENDPOINT  address of its OTLP over HTTP, e.g. http://127.0.0.1:4318 (default none)
  OTEL_EXPORTER_OTLP_HEADERS   name=value, several by commas, sent along
`

/**
 * Reads the settings from environment variables. An empty variable counts as absent.
 *
 * @throws {AppError} `config-invalid`, a fault for every mistake, its pointer the variable's name
 */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
  const { success, data, error } = WorkerEnvironment.safeParse(given)
  if (success) return data
  const faults = error.issues.map(({ path, message }) => ({ pointer: String(path[0]), detail: message }))
  throw new AppError('config-invalid', {}, { faults })
}
