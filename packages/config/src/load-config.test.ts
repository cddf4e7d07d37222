import os from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import { isAppError } from '@baton/contracts'
import type { Fault } from '@baton/contracts'
import { expect, test } from 'vitest'
import { loadClientConfig, loadConfig } from './load-config.ts'
import type { Env } from './load-config.ts'

const s3 = { S3_ENDPOINT: 'https://s3.example.org/', S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'hush-hush' }

function faultsOf(load: () => unknown): readonly Fault[] {
  try {
    load()
  } catch (error) {
    if (isAppError(error, 'config-invalid')) return error.faults
    throw error
  }
  return []
}
const faultOf = (env: Env, name: string) => faultsOf(() => loadConfig(env)).find((f) => f.pointer === name)?.detail

test('an empty environment means one machine with everything embedded', () => {
  expect(loadConfig({})).toEqual({
    http: {
      host: '127.0.0.1',
      port: 4000,
      publicUrl: 'http://127.0.0.1:4000',
      rateLimits: { tokenPerMinute: 12_000, addressPerMinute: 3_000 },
    },
    database: { url: null },
    queue: { url: null },
    queueBoard: { isWritable: false },
    storage: null,
    embeddedStorage: {},
    telegram: null,
    auth: { ownerToken: null },
    audit: { days: 365 },
    retention: { logDays: 90, metricDays: null },
    lease: { leaseSeconds: 60, heartbeatSeconds: 15 },
    data: { dir: path.join(os.homedir(), '.local/share/baton') },
    log: { level: 'info' },
    health: { aliveFile: null },
    metrics: null,
    tracing: null,
  })
})

test('an empty variable counts as not set', () => {
  expect(loadConfig({ BATON_PORT: '', S3_ENDPOINT: ' ', DATABASE_URL: '' })).toEqual(loadConfig({}))
})

test('the public address follows host and port, and never names an address that cannot be called', () => {
  expect(loadConfig({ BATON_HOST: '0.0.0.0', BATON_PORT: '80' }).http.publicUrl).toBe('http://127.0.0.1:80')
  expect(loadConfig({ BATON_HOST: '::1' }).http.publicUrl).toBe('http://[::1]:4000')
  expect(loadConfig({ BATON_PUBLIC_URL: 'https://baton.example.org/' }).http.publicUrl).toBe(
    'https://baton.example.org',
  )
})

test('the data folder is BATON_DATA, else in XDG_DATA_HOME where that is absolute', () => {
  expect(loadConfig({ BATON_DATA: '/srv/baton', XDG_DATA_HOME: '/srv/xdg' }).data.dir).toBe('/srv/baton')
  expect(loadConfig({ XDG_DATA_HOME: '/srv/xdg' }).data.dir).toBe('/srv/xdg/baton')
  expect(loadConfig({ XDG_DATA_HOME: 'relative' }).data.dir).toBe(loadConfig({}).data.dir)
})

test('storage elsewhere gets the usual region and bucket, and one address for all', () => {
  expect(loadConfig(s3).storage).toMatchObject({
    endpoint: 'https://s3.example.org',
    publicEndpoint: 'https://s3.example.org',
    region: 'us-east-1',
    bucket: 'baton',
    accessKeyId: 'id',
  })
  expect(loadConfig(s3).storage?.secretAccessKey.reveal()).toBe('hush-hush')
})

test('lease times are given in seconds, and leave room for a heartbeat that goes missing', () => {
  const times = { BATON_LEASE_SECONDS: '6', BATON_HEARTBEAT_SECONDS: '1.5' }
  expect(loadConfig(times).lease).toEqual({ leaseSeconds: 6, heartbeatSeconds: 1.5 })
  expect(faultOf({ BATON_LEASE_SECONDS: '29' }, 'BATON_HEARTBEAT_SECONDS')).toMatch(/at most half of BATON_LEASE_SEC/)
  expect(faultOf({ BATON_LEASE_SECONDS: '1m' }, 'BATON_LEASE_SECONDS')).toBe('must be seconds, 1 to 3600, not "1m"')
  expect(faultOf({ BATON_HEARTBEAT_SECONDS: '0' }, 'BATON_HEARTBEAT_SECONDS')).toMatch(/0\.1 to 1800/)
})

test('half of a storage configuration is a mistake that names what lacks', () => {
  const faults = faultsOf(() => loadConfig({ S3_BUCKET: 'mine', S3_ENDPOINT: 'https://s3.example.org' }))
  expect(faults.map((fault) => fault.pointer)).toEqual(['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'])
  expect(faults[0]?.detail).toMatch(/is missing; .*S3_ENDPOINT, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together/)
})

test('traces go where OpenTelemetry says, and nowhere without an endpoint', () => {
  const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hush,x=1' }
  expect(loadConfig(headers).tracing).toBeNull()
  const { tracing } = loadConfig({ ...headers, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' })
  expect(tracing?.endpoint).toBe('http://127.0.0.1:4318')
  expect(tracing?.headers?.reveal()).toBe('authorization=Bearer%20hush,x=1')
  expect(faultOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT')).toMatch(/^must be/)
})

test('every mistake of every section is said at once, by its variable', () => {
  const env = {
    BATON_PORT: '70000',
    BATON_PUBLIC_URL: 'baton.example.org',
    DATABASE_URL: 'mysql://u:pw-of-db@host/db',
    REDIS_URL: 'redis//host',
    BATON_LOG_LEVEL: 'loud',
    BATON_OWNER_TOKEN: 'short-token',
    BATON_TELEGRAM_API_ROOT: 'https://api.telegram.org',
  }
  const faults = faultsOf(() => loadConfig(env))
  expect(faults.map((fault) => fault.pointer).sort()).toEqual(
    [...Object.keys(env).filter((name) => name !== 'BATON_TELEGRAM_API_ROOT'), 'BATON_TELEGRAM_TOKEN'].sort(),
  )
  expect(faultOf(env, 'BATON_PORT')).toBe('must be a port, 1 to 65535, not "70000"')
  expect(faultOf(env, 'BATON_LOG_LEVEL')).toBe('must be one of debug, info, warn, error, silent, not "loud"')
})

test('a fault of a secret variable does not show what was given', () => {
  const env = {
    ...s3,
    DATABASE_URL: 'mysql://u:pw-of-db@host',
    BATON_OWNER_TOKEN: 'too-short',
    BATON_TELEGRAM_TOKEN: 'tok',
  }
  const faults = faultsOf(() => loadConfig(env))
  expect(faults).toHaveLength(3)
  expect(JSON.stringify(faults)).not.toMatch(/pw-of-db|too-short|"tok"/)
})

test('no way of printing a configuration shows a secret', () => {
  const config = loadConfig({
    ...s3,
    DATABASE_URL: 'postgresql://u:hush-hush@host/db',
    REDIS_URL: 'redis://:hush-hush@host',
    BATON_OWNER_TOKEN: 'hush-hush-hush-hush-hush',
    BATON_TELEGRAM_TOKEN: '123456:hush-hush',
    BATON_TELEGRAM_WEBHOOK_SECRET: 'hush-hush-hush-hush',
  })
  const printed = [
    JSON.stringify(config),
    inspect(config, { depth: 9, showHidden: true }),
    `${String(config.auth.ownerToken)}`,
  ]
  for (const text of printed) {
    expect(text).not.toContain('hush')
    expect(text).toContain('[secret]')
  }
})

test('the configuration is frozen at every depth', () => {
  const config = loadConfig(s3)
  expect(() => Object.assign(config, { http: null })).toThrow(TypeError)
  expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError)
  expect(() => Object.assign(config.storage!, { bucket: 'x' })).toThrow(TypeError)
})

test('a command that only calls the API is not stopped by a service variable', () => {
  const config = loadClientConfig({
    BATON_PORT: 'nonsense',
    BATON_URL: 'https://baton.example.org/',
    BATON_PROJECT: 'imet',
  })
  const url = 'https://baton.example.org'
  expect(config.client).toEqual({ url, publicUrl: url, token: null, project: 'imet' })
  expect(faultsOf(() => loadClientConfig({ BATON_PROJECT: 'Two Words' }))).toHaveLength(1)
})
