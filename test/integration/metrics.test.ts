import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { insertToken, sha256 } from '@baton/core'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'
import type { Queue } from '@baton/queue'
import { startMetrics } from '@baton/telemetry'
import type { RunningMetrics } from '@baton/telemetry'
import { aSpec, createWorld, freePort, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

let world: World
let queue: Queue
let api: RunningApi
let metrics: RunningMetrics
let owner: Client
let token: string
const lines: Record<string, unknown>[] = []

beforeAll(async () => {
  world = await createWorld()
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const log = createLog({ app: 'api', level: 'debug', destination })
  queue = await openQueue({ backend: { kind: 'postgres', url: world.databaseUrl }, log })
  const config = { host: '127.0.0.1', port: await freePort() }
  const source = { database: world.store, queue }
  metrics = (await startMetrics({ config, source, state: true, log }))!
  const { store, blobs, times } = world
  const parts = { database: store, queue, blobs, s3: null, log, times, meter: metrics.requests }
  api = await startApi({ host: '127.0.0.1', port: 0, ...parts })
  ;({ token } = await insertToken(store, { name: 'owner', role: 'owner', project: null, validSeconds: null }))
  owner = createClient({ url: api.url, token })
})
afterAll(async () => {
  await api.close()
  await metrics.close()
  await queue.close()
  await world.close()
})

/** Samples by name and labels, as the text format writes them. */
async function scrape(): Promise<Map<string, number>> {
  const response = await fetch(metrics.url)
  expect(response.headers.get('content-type')).toContain('text/plain')
  const samples = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

test('what happens is counted, what there is is shown, and the process tells of itself', async () => {
  const params = { project: 'emoji' }
  await owner.createExperiment({ params, body: aSpec() })
  const { token: enrolment } = await owner.createEnrolment({ body: {} })
  const enrolling = createClient({ url: api.url, token: enrolment })
  const session = await enrolling.registerSession({ body: { name: 'a', provider: 'local' } })
  const worker = createClient({ url: api.url, token: session.token })
  const { lease } = await worker.acquireLease({ params: { session: session.id }, body: { waitSeconds: 20 } })
  const { foldId: fold, fence } = lease!
  await worker.heartbeat({ params: { fold }, body: { fence } })
  await fetch(`${api.url}/v1/no-such-thing/${Math.random()}`)

  const samples = await vi.waitFor(async () => {
    const read = await scrape()
    expect(read.get('baton_leases_granted_total')).toBe(1)
    return read
  })
  expect(samples.get('baton_experiments_accepted_total')).toBe(1)
  expect(samples.get('baton_heartbeats_total')).toBe(1)
  expect(samples.get('baton_folds{status="leased"}')).toBe(1)
  expect(samples.get('baton_folds{status="ready"}')).toBe(1)
  expect(samples.get('baton_leases')).toBe(1)
  expect(samples.get('baton_sessions{status="active"}')).toBe(1)
  expect(samples.get('baton_state_up')).toBe(1)
  expect(samples.get('baton_queue_jobs{kind="offer-fold",pool="default",state="waiting"}')).toBeTypeOf('number')
  expect(samples.get('baton_queue_jobs{kind="sweep",pool="",state="failed"}')).toBe(0)
  expect(samples.get('baton_outbox_oldest_seconds')).toBeGreaterThanOrEqual(0)
  expect(samples.get('baton_notifications_pending')).toBe(0)
  const posted = 'method="POST",route="/v1/projects/:project/experiments",status="201"'
  expect(samples.get(`baton_http_request_duration_seconds_count{${posted}}`)).toBe(1)
  expect(samples.get('baton_http_request_duration_seconds_count{method="GET",route="other",status="404"}')).toBe(1)
  expect(samples.get('baton_database_connections{state="waiting"}')).toBe(0)
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes'])
    expect(samples.has(name)).toBe(true)
})

test('labels are few: no id, name or address of a caller stands in one', async () => {
  const text = await (await fetch(metrics.url)).text()
  expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/)
  expect(text).not.toContain('emoji')
  expect(text).not.toContain('no-such-thing')
})

test('names follow the conventions of Prometheus, and each says what it is', async () => {
  const text = await (await fetch(metrics.url)).text()
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const)
  const own = types.filter(([name]) => name.startsWith('baton_'))
  expect(own.length).toBeGreaterThan(10)
  for (const [name, type] of own) {
    expect(name).toMatch(/^[a-z_]+$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'))
  }
})

test('a replica shows what it does itself, and not what all share', async () => {
  const log = createLog({ app: 'api', level: 'silent' })
  const config = { host: '127.0.0.1', port: await freePort() }
  const replica = (await startMetrics({ config, source: { database: world.store, queue }, state: false, log }))!
  const text = await (await fetch(replica.url)).text()
  expect(text).toContain('baton_http_request_duration_seconds')
  expect(text).not.toContain('baton_folds')
  expect((await fetch(replica.url.replace('/metrics', '/'))).status).toBe(404)
  await replica.close()
})

test('a database that cannot be read is said, and no old figure shown', async () => {
  const log = createLog({ app: 'api', level: 'silent' })
  const observe = () => Promise.reject(new Error('away'))
  const config = { host: '127.0.0.1', port: await freePort() }
  const source = { database: { ...world.store, observe }, queue }
  const away = (await startMetrics({ config, source, state: true, log }))!
  const text = await (await fetch(away.url)).text()
  expect(text).toContain('baton_state_up 0')
  expect(text).not.toMatch(/^baton_folds\{/m)
  await away.close()
})

test('a port that is taken is named by its variable; without a port nothing is served', async () => {
  const log = createLog({ app: 'api', level: 'silent' })
  const source = { database: world.store, queue }
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const config = { host: '127.0.0.1', port: (taken.address() as AddressInfo).port }
  await expect(startMetrics({ config, source, state: false, log })).rejects.toMatchObject({
    code: 'config-invalid',
    faults: [{ pointer: 'BATON_METRICS_PORT' }],
  })
  taken.close()
  expect(await startMetrics({ config: null, source, state: true, log })).toBeNull()
})

test('a request is logged with its route, its status, its time and the id of the token, never the token', async () => {
  const [row] = await runSql(world.databaseUrl, `SELECT id FROM token WHERE hash = '${sha256(token)}'`)
  const answered = lines.filter(({ msg }) => msg === 'request answered')
  const post = answered.find(({ route }) => route === '/v1/projects/:project/experiments')
  expect(post).toMatchObject({ level: 'info', method: 'POST', status: 201, tokenId: row!.id })
  expect(post!.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(post!.ms).toBeTypeOf('number')
  expect(answered.find(({ route }) => route === '/v1/folds/:fold/heartbeat')).toMatchObject({ level: 'debug' })
  expect(JSON.stringify(lines)).not.toContain(token)
})
