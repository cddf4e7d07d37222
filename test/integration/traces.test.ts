import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { acquireLease, dispatchOutbox, expireLeases } from '@baton/core'
import { createLog } from '@baton/log'
import { defaultCacheDir, prepareTensorflow } from '@baton/tensorflow'
import { traceStore } from '@baton/telemetry'
import { aLease, anExperiment, aSession, createWorld, outliveLease, runSql } from '@baton/testing'
import { openTracer } from '@baton/trace'
import type { Span } from '@baton/trace'
import { readWorkerConfig, runWorker } from '@baton/worker'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestBaton } from '../support/baton.ts'
import type { TestBaton } from '../support/baton.ts'
import { startCollector } from '../support/otlp-collector.ts'
import type { Collector, ReceivedSpan } from '../support/otlp-collector.ts'

const silent = createLog({ app: 'worker', level: 'silent' })
const key = 'key-of-the-collector'
const caller = { traceId: 'c1'.repeat(16), spanId: 'd2'.repeat(8) }
const issued: string[] = []
let cache: string
let collector: Collector

beforeAll(async () => {
  await prepareTensorflow()
  cache = mkdtempSync(path.join(tmpdir(), 'baton-traces-'))
  // A cache of this test's own, but for TensorFlow, which takes minutes to fetch.
  symlinkSync(path.join(defaultCacheDir(), 'tensorflow'), path.join(cache, 'tensorflow'))
  collector = await startCollector()
})
afterAll(() => {
  collector.close()
  rmSync(cache, { recursive: true })
})

const spec = {
  name: 'traced',
  dataset: 'emoji',
  folds: { count: 2, only: [0] },
  model: { name: 'convnet', width: 4, blocks: 2 },
  image: { size: 16 },
  stages: [{ name: 'all', epochs: 200, batch: 4, schedule: { name: 'cosine', lr: 0.01 } }],
  evaluate: { everyEpochs: 50 },
}

/** An experiment of one fold, asked for by somebody who traces too. */
async function createTraced({ baton, env, ...world }: TestBaton): Promise<string> {
  for (const args of [
    ['project', 'create', 'emoji'],
    ['dataset', 'create', 'emoji', '--project', 'emoji', '--emoji', '--limit', '100', '--size', '16'],
  ])
    expect(await world.cli(...args)).toMatchObject({ code: 0 })
  const response = await fetch(`${baton.url}/v1/projects/emoji/experiments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${env.BATON_TOKEN}`,
      'content-type': 'application/json',
      traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
    },
    body: JSON.stringify(spec),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { id: string }).id
}

/** A worker as a notebook runs it, until it finds no work. */
async function startWorker({ baton }: TestBaton, settings: Record<string, string>) {
  const { token } = await baton.api.createEnrolment({ body: {} })
  issued.push(token)
  const config = readWorkerConfig({
    BATON_URL: baton.url,
    BATON_ENROLMENT_TOKEN: token,
    BATON_CACHE: cache,
    BATON_THREADS: '1',
    BATON_MARGIN_SECONDS: '1',
    BATON_MAX_IDLE_SECONDS: '1',
    ...settings,
  })
  const stop = new AbortController()
  const ended = runWorker(config, { log: silent, stop: stop.signal, hurry: new AbortController().signal })
  return { ended, stop: () => stop.abort() }
}

/** Files of the OpenTelemetry SDK that this process has loaded; Vitest loads the API beside it. */
const loaded = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((file) => /@opentelemetry\/(sdk|exporter)-/.test(file))
const named = (name: string) => collector.spans.filter((span) => span.name === name)
const isWithin = (inner: ReceivedSpan, outer: ReceivedSpan) =>
  BigInt(inner.startTimeUnixNano) >= BigInt(outer.startTimeUnixNano) - 50_000_000n

test('who names no collector loads nothing, and sends nothing', async () => {
  const plain = await startTestBaton({ workers: 0 })
  try {
    await createTraced(plain)
    const worker = await startWorker(plain, {})
    worker.stop()
    await worker.ended
    expect(loaded()).toEqual([])
  } finally {
    await plain.close()
  }
})

test('one trace leads from the POST over offers and linked attempts to what the worker does', async () => {
  const tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${key}`,
  }
  const traced = await startTestBaton({ workers: 0, settings: tracing })
  let id: string
  try {
    id = await createTraced(traced)
    const first = await startWorker(traced, tracing)
    await vi.waitFor(() => expect(named('first step')).toHaveLength(1), { timeout: 60_000 })
    first.stop()
    await first.ended
    const second = await startWorker(traced, tracing)
    await second.ended
    await vi.waitFor(
      async () =>
        expect(await traced.baton.api.getExperiment({ params: { project: 'emoji', version: 1 } })).toMatchObject({
          status: 'completed',
        }),
      { timeout: 60_000 },
    )
  } finally {
    await traced.close()
  }
  expect(loaded()).not.toEqual([])

  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([id.replaceAll('-', '')]))
  const [root, ...others] = named('POST /v1/projects/:project/experiments')
  expect(others).toEqual([])
  expect(root).toMatchObject({ service: 'baton', links: [caller] })
  expect(root!.parentSpanId ?? '').toBe('')
  expect(root!.attributes).toMatchObject({
    'baton.experiment.id': id,
    'baton.version': 1,
    'http.response.status_code': 201,
  })

  const [before, after] = named('attempt')
  expect(named('attempt').map(({ attributes }) => attributes['baton.attempt.status'])).toEqual([
    'handed_over',
    'completed',
  ])
  expect(named('offer').map(({ attributes }) => attributes['baton.attempt'])).toEqual([1, 2])
  expect(named('offer')[0]!.events.map(({ name }) => name)).toEqual(['queued'])
  for (const span of [before!, after!, ...named('offer'), ...named('assemble')])
    expect(span.parentSpanId).toBe(root!.spanId)
  expect(named('assemble').length).toBeGreaterThan(0)
  expect(before!.links).toEqual([])
  expect(after!.links).toMatchObject([{ traceId: before!.traceId, spanId: before!.spanId }])

  const ofWorker = collector.spans.filter(({ service }) => service === 'baton-worker')
  const namesOf = (attempt: ReceivedSpan) =>
    new Set(ofWorker.filter(({ parentSpanId }) => parentSpanId === attempt.spanId).map(({ name }) => name))
  const saved = ['save checkpoint', 'upload checkpoint', 'commit checkpoint']
  expect([...namesOf(before!)]).toEqual(expect.arrayContaining(['pull', 'first step', ...saved, 'hand over']))
  expect([...namesOf(after!)]).toEqual(
    expect.arrayContaining(['pull', 'first step', 'evaluate', 'predict', 'complete']),
  )
  for (const span of ofWorker) {
    const attempt = [before!, after!].find(({ spanId }) => spanId === span.parentSpanId)
    expect(attempt, span.name).toBeDefined()
    expect(isWithin(span, attempt!), span.name).toBe(true)
  }
  for (const span of collector.spans)
    expect(BigInt(span.endTimeUnixNano), span.name).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano))
  // Never a span a step, and none of it an error.
  expect(named('first step')).toHaveLength(2)
  expect(named('step').length).toBeLessThan(10)
  expect(collector.spans.filter(({ status }) => status.code === 2)).toEqual([])
  expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(collector.spans.length)

  const bodies = collector.requests.map(({ body }) => body).join('\n')
  for (const secret of [key, traced.env.BATON_TOKEN!, ...issued, 'X-Amz-', 'Bearer', cache])
    expect(bodies).not.toContain(secret)
  for (const { path: to, headers } of collector.requests) {
    expect([to, headers['content-type'], headers.authorization]).toEqual([
      '/v1/traces',
      'application/json',
      `Bearer ${key}`,
    ])
  }
})

test('a collector that is away or says nothing is told of once, and holds up nobody', async () => {
  const mute = createServer(() => undefined)
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const muteUrl = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const span = { name: 'span', traceId: caller.traceId, startMs: 0, endMs: 1 }
  for (const endpoint of ['http://127.0.0.1:9', muteUrl]) {
    const warnings: string[] = []
    const log = { warn: (_: object, message: string) => void warnings.push(message) }
    const tracer = await openTracer({ endpoint, headers: null, service: 'test', log })
    for (let i = 0; i < 20_000; i++) tracer.record(span)
    await tracer.close()
    expect(warnings.length).toBeLessThanOrEqual(1)
  }
  mute.close()
})

test('an attempt that was lost is an error in its trace; a lease that was rolled back left no span', async () => {
  const world = await createWorld()
  const spans: Span[] = []
  const store = traceStore(world.store, { record: (span) => void spans.push(span), close: async () => undefined })
  const traced = { ...world, store }
  try {
    const { id } = await anExperiment(traced, { folds: { count: 2, only: [0] } })
    const lease = await aLease(traced, await aSession(traced))
    await outliveLease(world, lease.foldId)
    expect(await expireLeases(traced)).toBe(1)
    expect(spans.map(({ name }) => name)).toEqual(['offer', 'attempt'])
    expect(spans[1]).toMatchObject({ error: 'lost', attributes: { 'baton.attempt.status': 'lost' } })
    expect(lease.traceparent).toBe(`00-${id.replaceAll('-', '')}-${spans[1]!.spanId}-01`)

    await runSql(world.databaseUrl, `UPDATE fold SET not_before = now() WHERE id = '${lease.foldId}'`)
    const sessionId = await aSession(traced, 'gone')
    await dispatchOutbox(traced)
    const input = { sessionId, waitMs: 0, signal: AbortSignal.abort() }
    expect(await acquireLease({ ...traced, offers: world.queue.offers }, input)).toMatchObject({ lease: null })
    expect(spans).toHaveLength(2)
    expect(await aLease(traced, sessionId)).toMatchObject({ attempt: 2 })
    expect(spans).toHaveLength(3)
  } finally {
    await world.close()
  }
})
