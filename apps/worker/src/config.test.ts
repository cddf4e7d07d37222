import { isAppError } from '@baton/contracts'
import { expect, test } from 'vitest'
import { help, readConfig } from './config.ts'

const required = { BATON_URL: 'https://baton.example.org', BATON_ENROLMENT_TOKEN: 'abc' }

test('an address and a token are enough', () => {
  expect(readConfig(required)).toMatchObject({
    url: 'https://baton.example.org',
    enrolmentToken: 'abc',
    provider: 'local',
    pools: ['default'],
    secondsLeft: null,
    maxIdleSeconds: null,
    logLevel: 'info',
  })
})

test('every setting is read', () => {
  const env = {
    ...required,
    BATON_PROVIDER: 'kaggle',
    BATON_NAME: 'notebook 7',
    BATON_POOLS: 'gpu, default',
    BATON_SESSION_SECONDS: '39600',
    BATON_MARGIN_SECONDS: '60',
    BATON_MAX_IDLE_SECONDS: '300',
    BATON_CACHE: '/tmp/cache',
    BATON_CACHE_BYTES: '1000',
    BATON_THREADS: '2',
    BATON_DATA_THREADS: '0',
    BATON_EXECUTION: 'eager',
    BATON_LOG_LEVEL: 'debug',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=1',
  }
  expect(readConfig(env)).toEqual({
    url: required.BATON_URL,
    enrolmentToken: 'abc',
    provider: 'kaggle',
    name: 'notebook 7',
    pools: ['gpu', 'default'],
    secondsLeft: 39_600,
    marginSeconds: 60,
    maxIdleSeconds: 300,
    cacheDir: '/tmp/cache',
    cacheBytes: 1000,
    threads: 2,
    dataThreads: 0,
    execution: 'eager',
    logLevel: 'debug',
    tracing: { endpoint: 'http://127.0.0.1:4318', headers: 'x-key=1' },
  })
  for (const name of Object.keys(env)) expect(help).toContain(name)
})

test('all mistakes are named at once, and the token is not shown', () => {
  const env = {
    BATON_URL: 'ftp://x',
    BATON_ENROLMENT_TOKEN: 'not a token',
    BATON_PROVIDER: 'aws',
    BATON_POOLS: 'A,b',
    BATON_THREADS: '0',
  }
  let faults: readonly { pointer: string; detail: string }[] = []
  try {
    readConfig(env)
  } catch (error) {
    if (isAppError(error, 'config-invalid')) faults = error.faults
  }
  expect(faults.map(({ pointer }) => pointer)).toEqual([
    'BATON_URL',
    'BATON_ENROLMENT_TOKEN',
    'BATON_PROVIDER',
    'BATON_POOLS',
    'BATON_THREADS',
  ])
  expect(faults[2]?.detail).toBe('must be one of kaggle, colab, container, local')
  expect(JSON.stringify(faults)).not.toContain('not a token')
})

test('an empty variable counts as absent', () => {
  expect(() => readConfig({ ...required, BATON_URL: ' ' })).toThrow()
  expect(readConfig({ ...required, BATON_SESSION_SECONDS: '' }).secondsLeft).toBeNull()
})
