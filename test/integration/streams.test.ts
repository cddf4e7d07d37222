import { once } from 'node:events'
import { connect } from 'node:net'
import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient } from '@baton/contracts'
import type { AppError, Client, Event, Lease, StreamItem } from '@baton/contracts'
import { heartbeat, insertToken, settleEvents } from '@baton/core'
import { createLog } from '@baton/log'
import { aLease, anExperiment, aSession, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let world: World
let api: RunningApi
let token: string
let owner: Client

const start = (port = 0) => {
  const { store, blobs, queue, times } = world
  const log = createLog({ app: 'api', level: 'silent' })
  return startApi({ host: '127.0.0.1', port, database: store, queue, blobs, s3: null, log, times })
}

beforeEach(async () => {
  world = await createWorld()
  api = await start()
  token = (await insertToken(world.store, { name: 'owner', role: 'owner', project: null, validSeconds: null })).token
  owner = createClient({ url: api.url, token })
})
afterEach(async () => {
  await api.close()
  await world.close()
})

/** The first so many items of a stream, which is then let go. */
async function take<T>(items: AsyncIterable<StreamItem<T>>, count: number): Promise<StreamItem<T>[]> {
  const taken: StreamItem<T>[] = []
  for await (const item of items) if (taken.push(item) === count) break
  return taken
}

const append = (experimentId: string, lbPublic: number) =>
  world.store.transaction((tables) =>
    tables.events.append(experimentId, { kind: 'lb-recorded', lbPublic, lbPrivate: null }),
  )
const numbers = (items: readonly StreamItem<Event>[]) =>
  items.map(({ data: { payload } }) => (payload.kind === 'lb-recorded' ? payload.lbPublic : payload.kind))

describe('the feed of events', () => {
  test('passes over no event whose transaction commits late, and tells none twice', async () => {
    const experiments = [await anExperiment(world), await anExperiment(world)]
    const clients = await Promise.all(experiments.map(() => connectTo(world.databaseUrl)))
    const insert = (which: number, lbPublic: number) =>
      clients[which]!.query(
        `INSERT INTO event (experiment_id, kind, payload)
         VALUES ('${experiments[which]!.id}', 'lb-recorded', '{"kind":"lb-recorded","lbPublic":${lbPublic},"lbPrivate":null}')`,
      )
    const stream = owner.streamEvents({ query: { after: 0 } })[Symbol.asyncIterator]()
    const next = async () => numbers([(await stream.next()).value as StreamItem<Event>])[0]
    expect([await next(), await next()]).toEqual(['experiment-created', 'experiment-created'])
    await clients[0]!.query('BEGIN')
    await insert(0, 1)
    // Takes a higher id and is committed, read and told before the lower one.
    await insert(1, 2)
    expect(await next()).toBe(2)
    await insert(1, 3)
    expect(await next()).toBe(3)
    await clients[0]!.query('COMMIT')
    expect(await next()).toBe(1)
    await insert(1, 4)
    expect(await next()).toBe(4)
    await stream.return?.()
    // Whoever comes later gets them in the same order.
    const items = await take(owner.streamEvents({ query: { after: 0 } }), 6)
    expect(numbers(items).slice(2)).toEqual([2, 3, 1, 4])
    await Promise.all(clients.map((client) => client.end()))
  })

  test('gives each event one place, however many processes give them at once', async () => {
    const { id } = await anExperiment(world)
    const all = Promise.all(Array.from({ length: 60 }, (_, i) => append(id, i)))
    const settling = (async () => {
      for (let round = 0; round < 20; round++) await Promise.all([1, 2, 3, 4].map(() => settleEvents(world)))
    })()
    await Promise.all([all, settling])
    await settleEvents(world)
    const rows = await runSql(world.databaseUrl, `SELECT id::int, place::int FROM event ORDER BY id`)
    expect(rows.map(({ place }) => place)).toEqual(rows.map((_, i) => i + 1))
  })
})

describe('a stream of events', () => {
  test('goes on from the last place after a broken connection, without a gap or a repetition', async () => {
    const { id, version } = await anExperiment(world)
    await append(id, 1)
    const params = { project: 'emoji', version }
    const retried: AppError[] = []
    const onRetry = (problem: AppError) => void retried.push(problem)
    const stream = owner.streamExperimentEvents({ params, query: { after: 0 } }, { onRetry })[Symbol.asyncIterator]()
    const next = async () => numbers([(await stream.next()).value as StreamItem<Event>])[0]
    expect([await next(), await next()]).toEqual(['experiment-created', 1])
    await api.close()
    await append(id, 2)
    const following = next()
    api = await start(Number(new URL(api.url).port))
    expect(await following).toBe(2)
    expect(retried.every(({ code }) => code === 'unavailable')).toBe(true)
    await append(id, 3)
    expect(await next()).toBe(3)
    await stream.return?.()
  })

  test('begins with what comes from now on where no place is named, also if it broke before the first', async () => {
    const { id } = await anExperiment(world)
    const response = await open('/v1/events')
    const first = await readUntil(response, (text) => text.includes('id: '))
    const place = /id: (\d+)/.exec(first)![1]!
    await append(id, 7)
    const again = await open('/v1/events', { 'last-event-id': place })
    expect(await readUntil(again, (text) => text.includes('data: '))).toContain('"lbPublic":7')
    await Promise.all([response.body!.cancel(), again.body!.cancel()])
  })

  test('is of its project or experiment alone', async () => {
    await world.store.projects.insert({ slug: 'other', name: 'Other' })
    const [first, second] = [await anExperiment(world), await anExperiment(world)]
    const project = owner.streamProjectEvents({ params: { project: 'emoji' }, query: { after: 0 } })
    const experiment = owner.streamExperimentEvents({
      params: { project: 'emoji', version: second.version },
      query: { after: 0 },
    })
    const both = Promise.all([take(project, 4), take(experiment, 2)])
    await append(first.id, 1)
    await append(second.id, 2)
    const [ofProject, ofExperiment] = await both
    expect(numbers(ofProject)).toEqual(['experiment-created', 'experiment-created', 1, 2])
    expect(numbers(ofExperiment)).toEqual(['experiment-created', 2])
    const gone = owner.streamProjectEvents({ params: { project: 'nothing' }, query: {} })
    await expect(take(gone, 1)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('brings a thousand events that were there before, and those that come meanwhile, once each', async () => {
    const { id } = await anExperiment(world)
    await runSql(
      world.databaseUrl,
      `INSERT INTO event (experiment_id, kind, payload) SELECT '${id}', 'lb-recorded',
         jsonb_build_object('kind', 'lb-recorded', 'lbPublic', n, 'lbPrivate', null) FROM generate_series(1, 1200) n`,
    )
    const taking = take(owner.streamEvents({ query: { after: 0 } }), 1241)
    for (let i = 1201; i <= 1240; i++) await append(id, i)
    expect(numbers(await taking).slice(1)).toEqual(Array.from({ length: 1240 }, (_, i) => i + 1))
  })

  test('tells a token of one project nothing of the others', async () => {
    const other = await world.store.projects.insert({ slug: 'other', name: 'Other' })
    const insert = (project: { id: string; slug: string }) =>
      insertToken(world.store, { name: 'one', role: 'viewer', project, validSeconds: null })
    const [mine, theirs] = [await insert((await world.store.projects.find('emoji'))!), await insert(other)]
    const place = async ({ token }: { token: string }) => {
      const headers = { authorization: `Bearer ${token}` }
      return readUntil(await open('/v1/events?after=0', headers), (text) => text.includes(':\n\n'))
    }
    await anExperiment(world)
    expect(await place(mine)).toContain('experiment-created')
    expect(await place(theirs)).not.toContain('experiment-created')
  })

  test('ends when its token is not good any more', async () => {
    const issued = await insertToken(world.store, { name: 'viewer', role: 'viewer', project: null, validSeconds: null })
    const viewer = createClient({ url: api.url, token: issued.token })
    await anExperiment(world)
    const stream = viewer.streamEvents({ query: { after: 0 } })[Symbol.asyncIterator]()
    await stream.next()
    await world.store.tokens.use(issued.id)
    await expect(stream.next()).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('refuses a place that is none', async () => {
    for (const after of ['-1', 'x', '1.5', '1e99'])
      expect((await open(`/v1/events?after=${after}`)).status, after).toBe(400)
  })
})

describe('a stream of a fold', () => {
  let lease: Lease
  let sessionId: string
  const beat = (from: number, count: number, sent = lease) =>
    heartbeat(world, {
      foldId: sent.foldId,
      sessionId,
      fence: sent.fence,
      progress: null,
      secondsLeft: null,
      metrics: Array.from({ length: count }, (_, i) => ({
        seq: from + i,
        step: from + i,
        name: 'loss',
        value: from + i,
      })),
      logs: Array.from({ length: count }, (_, i) => ({
        seq: from + i,
        level: 'info' as const,
        text: `line ${from + i}`,
      })),
    })
  beforeEach(async () => {
    await anExperiment(world)
    sessionId = await aSession(world)
    lease = await aLease(world, sessionId)
  })

  test('tells log lines and points once each, those sent twice at once too', async () => {
    const params = { fold: lease.foldId }
    await beat(1, 10)
    const logs = take(owner.streamLogs({ params, query: { after: 0 } }), 700)
    const metrics = take(owner.streamMetrics({ params, query: { after: 0 } }), 700)
    for (let from = 1; from <= 691; from += 10) await Promise.all([beat(from, 10), beat(from, 10), beat(from, 10)])
    const wanted = Array.from({ length: 700 }, (_, i) => i + 1)
    expect((await logs).map(({ data }) => data.text)).toEqual(wanted.map((n) => `line ${n}`))
    expect((await metrics).map(({ data }) => data.value)).toEqual(wanted)
    expect(await runSql(world.databaseUrl, `SELECT count(*)::int AS n FROM metric`)).toEqual([{ n: 700 }])
  })

  test('goes on from a place that another connection has left it at', async () => {
    const params = { fold: lease.foldId }
    await beat(1, 5)
    const places = (await take(owner.streamMetrics({ params, query: { after: 0 } }), 3)).map(({ place }) => place)
    const rest = await take(owner.streamMetrics({ params, query: { after: places[2]! } }), 2)
    expect(rest.map(({ data }) => data.value)).toEqual([4, 5])
  })
})

test('the server closes without waiting for those who follow, and for those who hung up', async () => {
  await anExperiment(world)
  const { port } = new URL(api.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toContain('text/event-stream')
  socket.destroy()
  const response = await open('/v1/events?after=0')
  await api.close()
  const text = await readUntil(response, (read) => read.includes('event: problem'))
  expect(text).toContain('"code":"unavailable"')
  api = await start()
})

const open = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } })

async function readUntil({ body }: Response, isEnough: (text: string) => boolean): Promise<string> {
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  while (!isEnough(text)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`the stream ended after: ${text}`)
    text += Buffer.from(value).toString()
  }
  reader.releaseLock()
  return text
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}
