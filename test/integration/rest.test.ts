import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { allPages, createClient, etagOf } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { insertToken } from '@baton/core'
import { createLog } from '@baton/log'
import { aLease, anExperiment, aSession, aSpec, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// What docs/rest.md promises of every route.

let world: World
let api: RunningApi
let owner: Client
let token: string

beforeAll(async () => {
  world = await createWorld()
  api = await serve({})
  token = await aToken('owner')
  owner = createClient({ url: api.url, token })
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const log = createLog({ app: 'api', level: 'silent' })
const serve = (changes: Partial<Parameters<typeof startApi>[0]>) =>
  startApi({ ...world, host: '127.0.0.1', port: 0, database: world.store, s3: null, log, ...changes })

async function aToken(role: 'owner' | 'viewer'): Promise<string> {
  return (await insertToken(world.store, { name: role, role, project: null, validSeconds: null })).token
}

async function send(method: string, path: string, headers: Record<string, string> = {}, body?: unknown) {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as never }
}

describe('a list', () => {
  const slugs = Array.from({ length: 5 }, (_, i) => `page-${i}`)
  beforeAll(async () => {
    for (const slug of slugs) await owner.createProject({ body: { slug, name: slug } })
  })

  /** Follows `Link` from page to page, as a client that knows no cursor does. */
  async function walk(path: string): Promise<{ items: unknown[]; pages: number }> {
    const items: unknown[] = []
    let pages = 0
    for (let next: string | undefined = path; next !== undefined; pages++) {
      const page = await send('GET', next)
      expect(page.status, page.text).toBe(200)
      items.push(...(page.json() as { items: unknown[] }).items)
      next = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
    }
    return { items, pages }
  }

  test('is read whole by following Link, the rest of the query kept', async () => {
    const { items, pages } = await walk('/v1/projects?fields=slug&limit=2')
    expect(items).toEqual(['emoji', ...slugs].map((slug) => ({ slug })))
    expect(pages).toBe(3)
  })

  test('keeps in Link also what a query may hold but an address may not', async () => {
    await Promise.all([anExperiment(world, { name: 'a?b&c' }), anExperiment(world, { name: 'a?b&c' })])
    const where = encodeURIComponent("name = 'a?b&c'").replace('%3F', '?')
    const { items, pages } = await walk(`/v1/projects/emoji/experiments?where=${where}&fields=name&limit=1`)
    expect([items.map((item) => (item as { name: string }).name), pages]).toEqual([['a?b&c', 'a?b&c'], 2])
  })

  test('is read whole by the client, however many pages it has', async () => {
    const all = await allPages(owner.listProjects, {})
    expect(all.map(({ slug }) => slug)).toEqual(['emoji', ...slugs])
  })

  test('of what was made in the same moment repeats nothing and leaves nothing out', async () => {
    const { id: projectId } = (await world.store.projects.find('emoji'))!
    const digests = Array.from({ length: 7 }, (_, i) => i.toString(16).repeat(64))
    await world.store.transaction(async ({ bundles }) => {
      for (const digest of digests) await bundles.upsert({ projectId, digest, sizeBytes: 1, files: ['index.js'] })
    })
    const { items } = await walk('/v1/projects/emoji/code?limit=2')
    expect(items.map((item) => (item as { digest: string }).digest).sort()).toEqual(digests)
  })

  test('goes on where it was, though rows before it are new', async () => {
    for (const name of ['first', 'second', 'third']) await aSession(world, name)
    const page = await owner.listSessions({ query: { limit: 2 } })
    expect(page.items.map(({ name }) => name)).toEqual(['third', 'second'])
    await aSession(world, 'newer')
    const rest = await owner.listSessions({ query: { limit: 2, cursor: page.nextCursor! } })
    expect(rest).toMatchObject({ items: [{ name: 'first' }], nextCursor: null })
  })

  test.each(['/v1/projects', '/v1/sessions', '/v1/projects/emoji/code', '/v1/projects/emoji/datasets'])(
    '%s refuses the cursor of another list, and one that was made up',
    async (path) => {
      const madeUp = [
        ['newest', 'now', 'me'],
        ['slug', 'a\0'],
        ['newest', '0000-01-01T00:00:00Z', crypto.randomUUID()],
      ]
      const cursors = ['x', '', 'W10', ...madeUp.map((key) => Buffer.from(JSON.stringify(key)).toString('base64url'))]
      for (const cursor of cursors) {
        const answer = await send('GET', `${path}?cursor=${cursor}`)
        expect([answer.status, answer.json()], cursor).toMatchObject([400, { errors: [{ pointer: '/cursor' }] }])
      }
    },
  )

  test('of attempts is a page too', async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world))
    expect(await owner.listAttempts({ params: { fold: lease.foldId }, query: {} })).toMatchObject({
      items: [{ number: 1, status: 'running' }],
      nextCursor: null,
    })
  })
})

describe('an answer to GET', () => {
  test('has the fields that were asked for, and says which there are for one that is not', async () => {
    const { version } = await anExperiment(world)
    const path = `/v1/projects/emoji/experiments/${version}`
    expect((await send('GET', `${path}?fields=version,folds.index,spec.image.size`)).json()).toEqual({
      version,
      folds: [{ index: 0 }, { index: 1 }],
      spec: { image: { size: 8 } },
    })
    expect((await send('GET', `${path}?fields=folds.idx,spec.model.width`)).json()).toMatchObject({
      code: 'request-invalid',
      errors: [{ pointer: '/fields', detail: 'there is no field "folds.idx"; did you mean "folds.id"?' }],
    })
  })

  test('is not sent again to who has it', async () => {
    const { headers, status } = await send('GET', '/v1/projects/emoji')
    const etag = headers.get('etag')!
    expect([status, etag]).toEqual([200, expect.stringMatching(/^"[\w-]{43}"$/)])
    const again = await send('GET', '/v1/projects/emoji', { 'if-none-match': etag })
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
    expect((await send('GET', '/v1/projects/emoji', { 'if-none-match': '"other"' })).status).toBe(200)
    expect((await send('GET', '/v1/projects/emoji?fields=name', { 'if-none-match': etag })).status).toBe(200)
  })
})

describe('a change', () => {
  const path = '/v1/projects/renamed'
  beforeAll(() => owner.createProject({ body: { slug: 'renamed', name: 'Before' } }))

  test('needs the state that it changes to be named', async () => {
    const unnamed = await send('PATCH', path, {}, { name: 'After' })
    expect([unnamed.status, unnamed.json()]).toMatchObject([428, { code: 'precondition-required' }])
    const stale = await send('PATCH', path, { 'if-match': '"stale"' }, { name: 'After' })
    const { headers } = await send('GET', path)
    expect([stale.status, stale.json()]).toMatchObject([
      412,
      { code: 'precondition-failed', facts: { etag: headers.get('etag') } },
    ])
    expect(await owner.getProject({ params: { project: 'renamed' } })).toMatchObject({ name: 'Before' })
  })

  test('answers with the ETag of the state it makes', async () => {
    const params = { project: 'renamed' }
    const before = await owner.getProject({ params })
    const after = await owner.updateProject({ params, body: { name: 'After' } }, { ifMatch: etagOf(before)! })
    expect(after).toEqual({ ...before, name: 'After' })
    expect(etagOf(after)).toBe(etagOf(await owner.getProject({ params })))
    expect(etagOf(after)).not.toBe(etagOf(before))
    await owner.updateProject({ params, body: { name: 'Anyhow' } }, { ifMatch: '*' })
  })

  test('is made by one of many who mean the same state', async () => {
    const params = { project: 'renamed' }
    const ifMatch = etagOf(await owner.getProject({ params }))!
    const names = Array.from({ length: 12 }, (_, i) => `Racer ${i}`)
    const answers = await Promise.all(names.map((name) => send('PATCH', path, { 'if-match': ifMatch }, { name })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...names.slice(1).map(() => 412)])
    const winner = names[answers.findIndex(({ status }) => status === 200)]
    expect(await owner.getProject({ params })).toMatchObject({ name: winner })
  })

  test('of leaderboard scores is made by one of many who mean the same state', async () => {
    const { version } = await anExperiment(world)
    const params = { project: 'emoji', version }
    const ifMatch = etagOf(await owner.getLb({ params }))!
    const record = (lbPublic: number) => owner.recordLb({ params, body: { lbPublic } }, { ifMatch })
    const outcomes = await Promise.allSettled([0.1, 0.2, 0.3, 0.4, 0.5, 0.6].map(record))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const recorded = (await owner.listExperimentEvents({ params, query: {} })).items.filter(
      ({ payload }) => payload.kind === 'lb-recorded',
    )
    expect(recorded).toHaveLength(1)
  })

  test('of what is not there is not found', async () => {
    expect((await send('PATCH', '/v1/projects/nothing', { 'if-match': '*' }, { name: 'x' })).status).toBe(404)
  })
})

describe('an answer to POST', () => {
  test('says when it was given before', async () => {
    const key = { 'idempotency-key': 'again' }
    const body = { slug: 'again', name: 'Again' }
    const first = await send('POST', '/v1/projects', key, body)
    const second = await send('POST', '/v1/projects', key, body)
    expect([first.status, second.status]).toEqual([201, 201])
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
    expect(second.json()).toEqual(first.json())
  })

  test('under a key that another request used is refused, also where only the address differs', async () => {
    const key = { 'idempotency-key': 'address' }
    await send('POST', '/v1/projects/emoji/experiments', key, aSpec())
    const other = await send('POST', '/v1/projects/again/experiments', key, aSpec())
    expect([other.status, other.json()]).toMatchObject([422, { code: 'idempotency-key-reused' }])
  })

  test('that refuses lets the key go: mended, the same request is made under it', async () => {
    const key = { 'idempotency-key': 'mended' }
    const body = { slug: 'mended', manifest: 'a'.repeat(64) }
    expect((await send('POST', '/v1/projects/mended/uploads', key, body)).status).toBe(400)
    expect((await send('POST', '/v1/projects/mended/code', key, { digest: 'a'.repeat(64) })).status).toBe(404)
    await owner.createProject({ body: { slug: 'mended', name: 'Mended' } })
    expect((await send('POST', '/v1/projects/mended/code', key, { digest: 'a'.repeat(64) })).status).toBe(422)
  })
})

describe('a caller who asks too often', () => {
  let limited: RunningApi
  beforeAll(async () => {
    limited = await serve({ rateLimits: { tokenPerMinute: 5, addressPerMinute: 3 } })
  })
  afterAll(() => limited.close())

  const get = (path: string, bearer?: string) =>
    fetch(`${limited.url}${path}`, bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } })

  test('is told what is left, and when to come back', async () => {
    const busy = await aToken('viewer')
    const first = await get('/v1/projects', busy)
    expect(Object.fromEntries(first.headers)).toMatchObject({
      ratelimit: '"token";r=4;t=12',
      'ratelimit-policy': '"token";q=5;w=60',
    })
    for (let i = 0; i < 4; i++) expect((await get('/v1/projects', busy)).status).toBe(200)
    const refused = await get('/v1/projects', busy)
    const waiting = Number(refused.headers.get('retry-after'))
    expect([refused.status, await refused.json()]).toMatchObject([429, { code: 'rate-limited', retryable: true }])
    expect(waiting).toBeGreaterThan(0)
    expect(waiting).toBeLessThanOrEqual(12)
    expect((await get('/v1/projects', token)).status, 'another token').toBe(200)
  })

  test('without a valid token uses up what their address has, whatever token they make up, and nobody else’s', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 2; i++)
      for (const [path, bearer] of [
        ['/v1/projects', `made-up-${i}`],
        ['/v1/nothing', undefined],
        ['/v1/health', undefined],
      ] as const)
        statuses.push((await get(path, bearer)).status)
    expect(statuses).toEqual([401, 404, 200, 429, 429, 429])
    expect((await get('/v1/projects', token)).status).toBe(200)
  })

  test('is told by the client when to come back', async () => {
    const busy = await aToken('viewer')
    const client = createClient({ url: limited.url, token: busy })
    const calls = Array.from({ length: 6 }, () => client.listProjects({ query: {} }))
    const refused = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')
    expect(refused).toMatchObject([{ reason: { code: 'rate-limited', facts: { retryAfterSeconds: 12 } } }])
  })
})
