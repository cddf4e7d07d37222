import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { bytes, days, httpUrl, oneOf, port, seconds, secret, secretUrl, slug, text, whole } from './fields.ts'

/** Where the API listens, the address that notebooks reach it under, and how much it takes of one caller. */
export const Http = z
  .object({
    // Only this machine, until somebody decides otherwise.
    BATON_HOST: text('a host name or address').default('127.0.0.1'),
    BATON_PORT: port.default(4000),
    BATON_PUBLIC_URL: httpUrl('https://baton.example.org').optional(),
    // A session sends a few requests a second at most; a script that starts thousands of experiments is within it too.
    BATON_REQUESTS_PER_MINUTE: whole({ min: 1, max: 1_000_000 }).default(12_000),
    // Behind a tunnel all strangers have one address.
    BATON_REQUESTS_PER_MINUTE_WITHOUT_TOKEN: whole({ min: 1, max: 1_000_000 }).default(3_000),
  })
  .transform((env) => ({
    host: env.BATON_HOST,
    port: env.BATON_PORT,
    publicUrl: env.BATON_PUBLIC_URL ?? `http://${reachable(env.BATON_HOST)}:${env.BATON_PORT}`,
    rateLimits: {
      tokenPerMinute: env.BATON_REQUESTS_PER_MINUTE,
      addressPerMinute: env.BATON_REQUESTS_PER_MINUTE_WITHOUT_TOKEN,
    },
  }))

/** `url` null: PostgreSQL embedded in `baton up`. */
export const Database = z
  .object({
    DATABASE_URL: secretUrl(['postgres:', 'postgresql:'], 'postgresql://user:password@host:5432/baton').optional(),
  })
  .transform((env) => ({ url: env.DATABASE_URL ?? null }))

/** `url` null: the queue is kept in PostgreSQL. */
export const Queue = z
  .object({ REDIS_URL: secretUrl(['redis:', 'rediss:'], 'redis://:password@host:6379').optional() })
  .transform((env) => ({ url: env.REDIS_URL ?? null }))

/** The page of queues that the API serves. */
export const QueueBoard = z
  .object({
    // Offers that are removed come back by themselves, but messages whose job is removed are lost.
    BATON_QUEUES_WRITABLE: oneOf(['true', 'false']).default('false'),
  })
  .transform((env) => ({ isWritable: env.BATON_QUEUES_WRITABLE === 'true' }))

const together = 'S3_ENDPOINT, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together; set none of S3_* to embed storage'

/** Any S3; null: the endpoint embedded in the API. */
export const Storage = whenAnySet(
  z
    .object({
      S3_ENDPOINT: httpUrl(`https://s3.example.org (${together})`),
      // Where workers and browsers reach the same store, if services reach it by an inner address.
      S3_PUBLIC_ENDPOINT: httpUrl('https://s3.example.org').optional(),
      S3_REGION: text('a region').default('us-east-1'),
      S3_BUCKET: text('a bucket name').default('baton'),
      S3_ACCESS_KEY_ID: text(`the id of an access key (${together})`),
      S3_SECRET_ACCESS_KEY: secret(`the secret of the access key (${together})`),
    })
    .transform((env) => ({
      endpoint: env.S3_ENDPOINT,
      publicEndpoint: env.S3_PUBLIC_ENDPOINT ?? env.S3_ENDPOINT,
      region: env.S3_REGION,
      bucket: env.S3_BUCKET,
      accessKeyId: env.S3_ACCESS_KEY_ID,
      secretAccessKey: env.S3_SECRET_ACCESS_KEY,
    })),
)

/** What the embedded object store takes at most; undefined: S3's own limits, and as much as the disk. */
export const EmbeddedStorage = z
  .object({
    // Less than one part of an upload would leave room for nothing.
    BATON_OBJECT_MAX_BYTES: bytes({ min: 5 * 1024 ** 2 }).optional(),
    BATON_STORE_MAX_BYTES: bytes({ min: 5 * 1024 ** 2 }).optional(),
  })
  .transform((env) => ({ objectMaxBytes: env.BATON_OBJECT_MAX_BYTES, bucketMaxBytes: env.BATON_STORE_MAX_BYTES }))

/** The bot; null: none. With a webhook secret, Telegram calls `<public address>/telegram`; without, it is polled. */
export const Telegram = whenAnySet(
  z
    .object({
      BATON_TELEGRAM_TOKEN: secret('the token that @BotFather gave, e.g. 123456:AA…', /^\d+:[\w-]+$/),
      // Another root: a Bot API server of one's own.
      BATON_TELEGRAM_API_ROOT: httpUrl('https://api.telegram.org').default('https://api.telegram.org'),
      // The characters Telegram allows in X-Telegram-Bot-Api-Secret-Token.
      BATON_TELEGRAM_WEBHOOK_SECRET: secret('16 to 256 letters, digits, _ or -', /^[\w-]{16,256}$/).optional(),
    })
    .transform((env) => ({
      token: env.BATON_TELEGRAM_TOKEN,
      apiRoot: env.BATON_TELEGRAM_API_ROOT,
      webhookSecret: env.BATON_TELEGRAM_WEBHOOK_SECRET ?? null,
    })),
)

/** `ownerToken` null: `baton up` makes one. */
export const Auth = z
  .object({
    // Long enough that it cannot be guessed over the network.
    BATON_OWNER_TOKEN: secret('20 to 200 letters, digits, _ or -', /^[\w-]{20,200}$/).optional(),
  })
  .transform((env) => ({ ownerToken: env.BATON_OWNER_TOKEN ?? null }))

/**
 * How long a session may be silent before its folds go to others, and how often it is to be heard. Shorter leases free
 * the folds of dead sessions sooner; longer ones bear worse networks.
 */
export const Lease = z
  .object({
    // Three heartbeats may go missing, which a notebook's network does now and then.
    BATON_LEASE_SECONDS: seconds({ min: 1, max: 3600 }).default(60),
    BATON_HEARTBEAT_SECONDS: seconds({ min: 0.1, max: 1800 }).default(15),
  })
  .refine((env) => env.BATON_HEARTBEAT_SECONDS * 2 <= env.BATON_LEASE_SECONDS, {
    path: ['BATON_HEARTBEAT_SECONDS'],
    error: 'must be at most half of BATON_LEASE_SECONDS, so that one heartbeat may go missing',
  })
  .transform((env) => ({ leaseSeconds: env.BATON_LEASE_SECONDS, heartbeatSeconds: env.BATON_HEARTBEAT_SECONDS }))

/** How long the log of who changed what is kept. */
export const Audit = z
  .object({
    // Long enough to look back over a season of competitions.
    BATON_AUDIT_DAYS: days({ min: 1, max: 3650 }).default(365),
  })
  .transform((env) => ({ days: env.BATON_AUDIT_DAYS }))

/** How long what trainings said is kept after their experiment's end. Scores, events and checkpoints have rules of their own. */
export const Retention = z
  .object({
    // Lines are read while a training goes wrong and for some weeks after; they are most of what a database holds.
    BATON_LOG_DAYS: days({ min: 1, max: 36_500 }).default(90),
    // Curves are small, and compared for years: they stay unless somebody says how long.
    BATON_METRIC_DAYS: days({ min: 1, max: 36_500 }).optional(),
  })
  .transform((env) => ({ logDays: env.BATON_LOG_DAYS, metricDays: env.BATON_METRIC_DAYS ?? null }))

/** What this machine keeps: database, objects, the owner's token. */
export const Data = z
  .object({ BATON_DATA: text('a folder').optional(), XDG_DATA_HOME: text('a folder').optional() })
  .transform((env) => ({
    // The XDG rules say that a relative XDG_DATA_HOME is ignored.
    dir: path.resolve(env.BATON_DATA ?? path.join(absolute(env.XDG_DATA_HOME) ?? homeData(), 'baton')),
  }))

export const LogSection = z
  .object({ BATON_LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
  .transform((env) => ({ level: env.BATON_LOG_LEVEL }))

/** Null: no metrics are served. With a port, on this machine alone unless another host is named. */
export const Metrics = whenAnySet(
  z
    .object({
      BATON_METRICS_PORT: port,
      BATON_METRICS_HOST: text('a host name or address').default('127.0.0.1'),
    })
    .transform((env) => ({ port: env.BATON_METRICS_PORT, host: env.BATON_METRICS_HOST })),
)

/** Null: no traces are sent. The variables are OpenTelemetry's own; the rest of what it defines is not read here. */
export const Tracing = z
  .object({
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl('http://127.0.0.1:4318').optional(),
    // They may hold a key.
    OTEL_EXPORTER_OTLP_HEADERS: secret(
      'name=value, several by commas',
      /^\s*[^=,\s]+\s*=[^,]*(,\s*[^=,\s]+\s*=[^,]*)*$/,
    ).optional(),
  })
  .transform((env) =>
    env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
      ? null
      : { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, headers: env.OTEL_EXPORTER_OTLP_HEADERS ?? null },
  )

/** `aliveFile` null: no health check by file. Images of services without a port of their own set it. */
export const Health = z
  .object({ BATON_ALIVE_FILE: text('a file').optional() })
  .transform((env) => ({ aliveFile: env.BATON_ALIVE_FILE ?? null }))

/** What commands that call the API need. `token` null: the one that `baton up` wrote into the data folder. */
export const Client = z
  .object({
    BATON_URL: httpUrl('http://127.0.0.1:4000').default('http://127.0.0.1:4000'),
    BATON_PUBLIC_URL: httpUrl('https://baton.example.org').optional(),
    BATON_TOKEN: secret('a token that Baton issued', /^[\w-]+$/).optional(),
    BATON_PROJECT: slug('a project: lower-case letters, digits and inner hyphens').optional(),
  })
  .transform((env) => ({
    url: env.BATON_URL,
    // The address to tell workers elsewhere.
    publicUrl: env.BATON_PUBLIC_URL ?? env.BATON_URL,
    token: env.BATON_TOKEN ?? null,
    project: env.BATON_PROJECT ?? null,
  }))

/** The section, or null where none of its variables is set: a half-configured one is a mistake, not a default. */
function whenAnySet<S extends z.ZodPipe<z.ZodObject>>(section: S) {
  const names = Object.keys(section.in.shape)
  return z.preprocess((env) => (names.some((name) => name in (env as object)) ? env : null), section.nullable())
}

/** An address that can be called, of one that can only be listened on. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

function absolute(dir: string | undefined): string | undefined {
  return dir !== undefined && path.isAbsolute(dir) ? dir : undefined
}

function homeData(): string {
  return path.join(os.homedir(), '.local', 'share')
}
