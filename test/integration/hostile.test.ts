import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient, problems } from '@baton/contracts'
import type { Client, Lease, ProblemCode } from '@baton/contracts'
import { expireLeases, insertToken } from '@baton/core'
import { openDatabase } from '@baton/db'
import { createLog } from '@baton/log'
import { anExperiment, aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let world: World
let api: RunningApi
let owner: Client
let ownerToken: string

beforeAll(async () => {
  world = await createWorld()
  api = await serve({})
  ownerToken = (await insertToken(world.store, { name: 'owner', role: 'owner', project: null, validSeconds: null }))
    .token
  owner = createClient({ url: api.url, token: ownerToken })
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const log = createLog({ app: 'api', level: 'silent' })
const serve = (changes: Partial<Parameters<typeof startApi>[0]>) =>
  startApi({ ...world, host: '127.0.0.1', port: 0, database: world.store, s3: null, log, ...changes })

interface Send {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** An answer as it comes, whatever was sent: a string or bytes go out as they are. */
async function send(method: string, path: string, { token = ownerToken, body, headers = {} }: Send = {}) {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type') ?? '', text }
}

async function aSessionWithLease(): Promise<{ token: string; path: string; lease: Lease; client: Client }> {
  const { token: enrolment } = await owner.createEnrolment({ body: {} })
  const enrolling = createClient({ url: api.url, token: enrolment })
  const { id, token } = await enrolling.registerSession({ body: { name: 'hostile', provider: 'local' } })
  world.queue.waiting.length = 0
  await anExperiment(world, { folds: { count: 2, only: [0] } })
  const client = createClient({ url: api.url, token })
  const { lease } = await client.acquireLease({ params: { session: id }, body: { waitSeconds: 0 } })
  return { token, path: `/v1/folds/${lease!.foldId}`, lease: lease!, client }
}

const experiments = '/v1/projects/emoji/experiments'
const halfAnEmoji = '🙂'.slice(0, 1)
const progress = { totalSteps: 9, epoch: 0, stage: 'a', loss: null, lr: null, imagesPerSecond: null, etaSeconds: null }

describe('text that PostgreSQL cannot hold', () => {
  test('costs a training neither its lease nor its words', async () => {
    const { client, lease } = await aSessionWithLease()
    const params = { fold: lease.foldId }
    const { fence } = lease
    const logs = ['a\0b', `cut ${halfAnEmoji}`].map((text, i) => ({ seq: i + 1, level: 'info' as const, text }))
    await client.heartbeat({ params, body: { fence, logs, progress: { ...progress, step: 1, stage: '\0' } } })
    expect((await owner.listLogs({ params, query: {} })).items.map(({ text }) => text)).toEqual([
      'a\ufffdb',
      'cut \ufffd',
    ])
    const failure = { code: 'trainer-crashed' as const, detail: `\0${halfAnEmoji}`, lastLines: ['\0'], step: 1 }
    expect(await client.failFold({ params, body: { fence, failure } })).toMatchObject({ outcome: 'retrying' })
    expect((await owner.getFold({ params })).failure).toMatchObject({ detail: '\ufffd\ufffd', lastLines: ['\ufffd'] })
  })

  test('becomes readable in names and specs', async () => {
    const created = await owner.createExperiment({
      params: { project: 'emoji' },
      body: aSpec({ name: `a\0${halfAnEmoji}` }),
    })
    expect(created.name).toBe('a\ufffd\ufffd')
    await expect(owner.createProject({ body: { slug: 'nul', name: 'a\0' } })).resolves.toMatchObject({
      name: 'a\ufffd',
    })
  })
})

describe('numbers that PostgreSQL cannot hold', () => {
  const huge = 2 ** 40
  test.each([
    ['heartbeat', { fence: 2 ** 53 - 1 }],
    ['heartbeat', { progress: { ...progress, step: huge } }],
    ['heartbeat', { secondsLeft: 1e300 }],
    ['heartbeat', { metrics: [{ seq: huge, step: 1, name: 'a', value: 1 }] }],
    ['heartbeat', { metrics: [{ seq: 1, step: huge, name: 'a', value: 1 }] }],
    ['heartbeat', { logs: [{ seq: huge, level: 'info', text: 'a' }] }],
    ['hand-over', { step: huge }],
    ['completion', { step: huge }],
    ['failure', { failure: { code: 'internal', detail: '', step: huge } }],
  ])('%s refuses %j', async (call, body) => {
    const { path, token } = await aSessionWithLease()
    expect((await send('POST', `${path}/${call}`, { token, body: { fence: 1, ...body } })).status).toBe(400)
    // One that was taken would make every sweep fail, and so keep the leases of all others from running out.
    await runSql(world.databaseUrl, `UPDATE presence SET up_since = now() - interval '1 hour', last_seen_at = now()`)
    await world.store.presence.touch('coordinator', 3600)
    await runSql(world.databaseUrl, `UPDATE presence SET up_since = now() - interval '1 hour'`)
    await runSql(
      world.databaseUrl,
      `UPDATE fold SET lease_expires_at = now() - interval '1 second' WHERE status = 'leased'`,
    )
    expect(await expireLeases(world)).toBeGreaterThan(0)
  })

  test('an experiment of such a number is not there', async () => {
    expect((await send('GET', `${experiments}/99999999999`)).status).toBe(404)
  })
})

describe('what is no request of ours', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const nested = JSON.stringify(aSpec({ code: 'a'.repeat(64), model: { name: 'bundle', options: { x: 0 } } })).replace(
    '"x":0',
    `"x":${deep}`,
  )
  const key = { 'idempotency-key': 'deep' }
  const cases: [name: string, method: string, path: string, sent: Send, status: number][] = [
    ['nested without end', 'POST', experiments, { body: nested }, 400],
    ['nested without end, under a key', 'POST', experiments, { body: nested, headers: key }, 400],
    ['a prototype', 'POST', '/v1/projects', { body: '{"slug":"a","name":"a","__proto__":{"x":1}}' }, 400],
    ['bytes that are not UTF-8', 'POST', '/v1/projects', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }, 400],
    ['an infinite number', 'POST', '/v1/projects', { body: '{"slug":1e999}' }, 400],
    ['nothing', 'POST', '/v1/projects', { body: '' }, 400],
    ['a key of 300 characters', 'POST', '/v1/projects', { headers: { 'idempotency-key': 'x'.repeat(300) } }, 400],
    ['a path with NUL', 'GET', '/v1/projects/%00', {}, 404],
    ['a path that cannot be decoded', 'GET', '/v1/projects/%ff', {}, 400],
    ['a path that is half encoded', 'GET', '/v1/projects/%Z', {}, 400],
    ['a long name', 'GET', `/v1/projects/${'a'.repeat(5000)}`, {}, 400],
    ['a parameter twice', 'GET', `${experiments}/1/events?after=1&after=2`, {}, 400],
    ['a parameter that is not known', 'GET', '/v1/projects?limt=5', {}, 400],
    ['a page of more than there may be', 'GET', '/v1/projects?limit=201', {}, 400],
    ['a field that is not there', 'GET', '/v1/projects?fields=slug,nome', {}, 400],
    ['fields twice', 'GET', '/v1/projects?fields=slug&fields=name', {}, 400],
    ['another method', 'PATCH', '/v1/projects', { body: {} }, 405],
    ['a long token', 'GET', '/v1/projects', { token: 'x'.repeat(8000) }, 401],
  ]
  test.each(cases)('%s is refused in the words of the problem table', async (_, method, path, sent, status) => {
    const answer = await send(method, path, sent)
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json; charset=utf-8'])
    expect(JSON.parse(answer.text)).toMatchObject({ status, code: expect.any(String) as string })
  })
})

describe('an Idempotency-Key', () => {
  const post = (name: string, key: string, changes = {}) =>
    send('POST', experiments, { body: aSpec({ name, ...changes }), headers: { 'idempotency-key': key } })
  const named = async (name: string) =>
    (await owner.listExperiments({ params: { project: 'emoji' }, query: {} })).items.filter(
      (experiment) => experiment.name === name,
    )

  test('makes one experiment, also when the process died before it answered', async () => {
    const first = await post('died', 'died')
    await runSql(
      world.databaseUrl,
      `UPDATE idempotency_key SET status = NULL, body = NULL, created_at = now() - interval '1 hour' WHERE key = 'died'`,
    )
    const again = await post('died', 'died')
    expect([again.status, JSON.parse(again.text)]).toEqual([201, JSON.parse(first.text)])
    expect(await named('died')).toHaveLength(1)
  })

  test('that was left unanswered is still good for its own request only', async () => {
    await post('left', 'left')
    await runSql(
      world.databaseUrl,
      `UPDATE idempotency_key SET status = NULL, created_at = now() - interval '1 hour' WHERE key = 'left'`,
    )
    expect(JSON.parse((await post('other', 'left')).text)).toMatchObject({ code: 'idempotency-key-reused' })
  })

  test('of a request that is refused again and again, many at once, is never an error of ours', async () => {
    const refused = () => post('refused', 'refused', { dataset: 'nothing' })
    const statuses = (await Promise.all(Array.from({ length: 60 }, refused))).map(({ status }) => status)
    expect(statuses.filter((status) => status !== 409 && status !== 422)).toEqual([])
  })

  test('of another token is another key', async () => {
    const { token } = await insertToken(world.store, {
      name: 'owner',
      role: 'owner',
      project: null,
      validSeconds: null,
    })
    const sent = { body: aSpec({ name: 'tokens' }), headers: { 'idempotency-key': 'tokens' } }
    await Promise.all([send('POST', experiments, sent), send('POST', experiments, { ...sent, token })])
    expect(await named('tokens')).toHaveLength(2)
  })

  test('stores no secret: an answer with a token is not remembered (I8)', async () => {
    const sent = { body: {}, headers: { 'idempotency-key': 'secret' } }
    const answers = [await send('POST', '/v1/enrolments', sent), await send('POST', '/v1/enrolments', sent)]
    const tokens = answers.map(({ text }) => (JSON.parse(text) as { token: string }).token)
    expect(new Set(tokens).size).toBe(2)
    const rows = await runSql(world.databaseUrl, `SELECT body::text FROM idempotency_key`)
    expect(JSON.stringify(rows)).not.toMatch(/baton_(enrolment|session|owner)_/)
  })
})

describe('while something behind it is away', () => {
  test('an accepted experiment is answered, and its offers are made once the queue is back (I2)', async () => {
    const queue = { ...world.queue, offers: { ...world.queue.offers, offer: () => Promise.reject(new Error('away')) } }
    const cut = await serve({ queue })
    const spec = aSpec({ name: 'queue away' })
    const headers = { authorization: `Bearer ${ownerToken}`, 'content-type': 'application/json' }
    const answer = await fetch(`${cut.url}${experiments}`, { method: 'POST', headers, body: JSON.stringify(spec) })
    expect(answer.status).toBe(201)
    await cut.close()
    const { folds } = (await answer.json()) as { folds: { id: string }[] }
    const waiting = await runSql(
      world.databaseUrl,
      `SELECT payload->>'foldId' AS id FROM outbox WHERE kind = 'offer-fold'`,
    )
    expect(waiting.map(({ id }) => id)).toEqual(expect.arrayContaining(folds.map(({ id }) => id)))
  })

  test('a fold that somebody does not let go of holds up its own calls only so long', async () => {
    const { lease, path, token } = await aSessionWithLease()
    let letGo!: () => void
    let hasIt!: () => void
    const released = new Promise<void>((resolve) => (letGo = resolve))
    const held = new Promise<void>((resolve) => (hasIt = resolve))
    const holding = world.store.transaction(async (tables) => {
      await tables.folds.lock(lease.foldId)
      hasIt()
      await released
    })
    await held
    const answer = await send('POST', `${path}/heartbeat`, { token, body: { fence: 1 } })
    letGo()
    await holding
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([503, { code: 'unavailable', retryable: true }])
  })

  test('a database that is away is said to be so', async () => {
    const nowhere = openDatabase({ url: 'postgresql://nobody:nothing@127.0.0.1:1/nothing' })
    const cut = await serve({ database: { ...world.store, tokens: nowhere.tokens } })
    const answer = await fetch(`${cut.url}/v1/projects`, { headers: { authorization: `Bearer ${ownerToken}` } })
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'unavailable' }])
    await cut.close()
    await nowhere.close()
  })
})

describe('a connection that is not a request, or hardly', () => {
  let patient: RunningApi
  beforeAll(async () => {
    patient = await serve({ patience: { headersMs: 500, bodyMs: 500 } })
  })
  afterAll(() => patient.close())

  /** Sends bytes as they are, and then a byte every now and then; gives all that came back once the connection ended. */
  async function raw(first: string, then = ''): Promise<string> {
    const { hostname, port } = new URL(patient.url)
    const socket = connectSocket({ host: hostname, port: Number(port) })
    let answer = ''
    socket.on('data', (data) => (answer += String(data)))
    socket.on('error', () => undefined)
    socket.write(first)
    let at = 0
    const drip = setInterval(() => at < then.length && socket.write(then[at++]!), 50)
    await once(socket, 'close')
    clearInterval(drip)
    return answer
  }
  const head = (...lines: string[]) => `${['POST /v1/projects HTTP/1.1', 'host: a', ...lines].join('\r\n')}\r\n`
  const bearer = () => `authorization: Bearer ${ownerToken}`
  const json = 'content-type: application/json'
  const statusOf = (answer: string) => Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1])
  const codeOf = (answer: string) => /"code":"([a-z-]+)"/.exec(answer)?.[1]

  test.each([
    [
      'headers that drip',
      () => raw('GET /v1/projects HTTP/1.1\r\nhost: a\r\nx: ', 'a'.repeat(1000)),
      'request-too-slow',
    ],
    [
      'a body that drips',
      () => raw(`${head(bearer(), json, 'content-length: 1000')}\r\n{"slug":"`, 'a'.repeat(1000)),
      'request-too-slow',
    ],
    ['a body that never comes', () => raw(`${head(bearer(), json, 'content-length: 1000')}\r\n`), 'request-too-slow'],
    ['headers without end', () => raw(head(`x: ${'a'.repeat(40_000)}`)), 'headers-too-large'],
    [
      'more headers than fit',
      () => raw(head(...Array.from({ length: 3000 }, (_, i) => `x-${i}: a`))),
      'headers-too-large',
    ],
    ['an address without end', () => raw(`GET /v1/${'a'.repeat(40_000)} HTTP/1.1\r\n`), 'headers-too-large'],
    ['no HTTP', () => raw('hello\r\n\r\n'), 'request-invalid'],
    ['two lengths', () => raw(`${head('content-length: 2', 'content-length: 3')}\r\n{}`), 'request-invalid'],
    [
      'a length and chunks',
      () => raw(`${head('content-length: 2', 'transfer-encoding: chunked')}\r\n{}`),
      'request-invalid',
    ],
    ['a NUL in a header', () => raw(`${head('x: a\0b')}\r\n`), 'request-invalid'],
  ])('%s ends with a problem, while others are served', async (_, send, code) => {
    const ended = send()
    const others = await Promise.all(Array.from({ length: 20 }, () => fetch(`${patient.url}/v1/health`)))
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 200))
    const answer = await ended
    expect([statusOf(answer), codeOf(answer)], answer).toEqual([problems[code as ProblemCode].status, code])
  })

  test('a body that is cut stores nothing and harms nobody', async () => {
    const { hostname, port } = new URL(patient.url)
    const socket = connectSocket({ host: hostname, port: Number(port) })
    const body = JSON.stringify({ slug: 'cut', name: 'Cut' })
    socket.write(`${head(bearer(), json, `content-length: ${body.length + 5}`)}\r\n${body}`)
    await once(socket, 'connect')
    socket.end()
    socket.resume()
    await once(socket, 'close')
    expect((await send('GET', '/v1/projects/cut')).status).toBe(404)
  })
})

describe('what is said of a project is of that project', () => {
  test("objects that another project uploaded do not make this one's dataset or bundle", async () => {
    await owner.createProject({ body: { slug: 'foreign', name: 'Foreign' } })
    const { digest } = await world.blobs.write(new TextEncoder().encode('not a bundle'))
    const refused = await send('POST', '/v1/projects/foreign/code', { body: { digest } })
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([422, { code: 'bundle-invalid' }])
    const spec = aSpec({ dataset: 'emoji@1' })
    const foreign = await send('POST', '/v1/projects/foreign/experiments', { body: spec })
    expect([foreign.status, JSON.parse(foreign.text)]).toMatchObject([
      422,
      { code: 'spec-invalid', errors: [{ pointer: '/dataset' }] },
    ])
  })

  test('a cursor of one project shows nothing of it in another', async () => {
    await Promise.all([anExperiment(world), anExperiment(world)])
    const { nextCursor } = await owner.listExperiments({ params: { project: 'emoji' }, query: { limit: 1 } })
    const answer = await send('GET', `/v1/projects/foreign/experiments?limit=1&cursor=${nextCursor}`)
    if (answer.status === 200) expect(JSON.parse(answer.text)).toEqual({ items: [], nextCursor: null })
    else expect(answer.status).toBe(400)
  })
})
