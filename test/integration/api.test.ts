import { readFile } from 'node:fs/promises'
import { createClient, ExperimentSpec, problemCodes, problems, problemsOf, routes } from '@baton/contracts'
import type { Client, RouteSpec } from '@baton/contracts'
import { dispatchOutbox } from '@baton/core'
import { aLease, anExperiment, aSession, aSpec, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let api: Rest
let owner: Client
let ownerToken: string

beforeAll(async () => {
  world = await createWorld()
  api = await startRest(world)
  ;({ owner, ownerToken } = api)
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${api.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ownerToken}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

/** A session registered over REST, as a worker does it. */
async function enrol(name: string): Promise<{ id: string; client: Client }> {
  const { token } = await owner.createEnrolment({ body: {} })
  const session = await createClient({ url: api.url, token }).registerSession({ body: { name, provider: 'local' } })
  return { id: session.id, client: createClient({ url: api.url, token: session.token }) }
}

describe('the route table', () => {
  const read = (file: string) => readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8')
  const get = async (path: string) => (await fetch(`${api.url}${path}`)).json()
  interface Document {
    readonly info: object
    readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
  }

  test('is the served document, which is docs/openapi.json: route for route, problem for problem', async () => {
    const served = (await get('/v1/openapi.json')) as Document
    const written = JSON.parse(await read('openapi.json')) as Document
    expect({ ...served, info: null, servers: null }).toEqual({ ...written, info: null, servers: null })
    const described = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, responses }]) => ({
        name: operationId,
        route: `${method.toUpperCase()} ${path.replaceAll(/\{([a-z]+)\}/g, ':$1')}`,
        statuses: Object.keys(responses).filter((status) => Number(status) >= 400),
      })),
    )
    const rows = Object.entries<RouteSpec>(routes).map(([name, route]) => ({
      name,
      route: `${route.method} ${route.path}`,
      statuses: [...new Set(problemsOf(route).map((code) => String(problems[code].status)))].sort(),
    }))
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
    expect(described.sort(byName)).toEqual(rows.sort(byName))
  })

  test('is served: every row has its handler, and no address takes a method without a row', async () => {
    const rows = Object.values<RouteSpec>(routes)
    for (const path of new Set(rows.map((row) => row.path))) {
      const own = rows.filter((row) => row.path === path)
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) {
        const answer = await fetch(`${api.url}${path.replaceAll(/:[a-z]+/g, '1')}`, { method })
        const row = own.find((one) => one.method === method)
        const allowed = own.map((one) => one.method).sort()
        const said = [answer.status, answer.headers.get('allow')?.split(', ').sort()]
        if (row === undefined) expect(said, `${method} ${path}`).toEqual([405, allowed])
        else if (row.roles.length > 0) expect(said, `${method} ${path}`).toEqual([401, undefined])
      }
    }
  })

  test('has its problems explained by the API, in docs/problems.md, and where each problem says', async () => {
    const { items } = (await get('/v1/problems')) as { items: { code: string; type: string }[] }
    const headings = Array.from((await read('problems.md')).matchAll(/^## (.+)$/gm), ([, code]) => code)
    expect(items.map(({ code }) => code)).toEqual(problemCodes)
    expect(headings).toEqual(problemCodes)
    const refused = (await get('/v1/projects')) as { type: string; code: string; title: string; remedy: string }
    const { type, code, title, remedy } = refused
    expect(await get(type)).toMatchObject({ type, code, title, remedy })
  })
})

describe('experiments', () => {
  test('a posted spec is answered with its folds, and its offers wait', async () => {
    world.queue.waiting.length = 0
    const experiment = await owner.createExperiment({ params: { project: 'emoji' }, body: aSpec() })
    expect(experiment).toMatchObject({
      status: 'queued',
      foldsTotal: 2,
      dataset: 'emoji@1',
      spec: { seed: 0, pool: 'default' },
    })
    expect(world.queue.waiting.map((offer) => offer.foldId)).toEqual(experiment.folds.map((fold) => fold.id))
  })

  test('the same Idempotency-Key answers the same; for another request it is refused', async () => {
    const key = { 'idempotency-key': 'once' }
    const first = await post('/v1/projects/emoji/experiments', aSpec({ name: 'a' }), key)
    const again = await post('/v1/projects/emoji/experiments', aSpec({ name: 'a' }), key)
    expect(await again.json()).toEqual(await first.json())
    const other = await post('/v1/projects/emoji/experiments', aSpec({ name: 'b' }), key)
    expect([other.status, await other.json()]).toMatchObject([422, { code: 'idempotency-key-reused' }])
  })

  test('twelve at once under one key make one experiment', async () => {
    const before = (await owner.listExperiments({ params: { project: 'emoji' }, query: {} })).items.length
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        post('/v1/projects/emoji/experiments', aSpec({ name: 'race' }), { 'idempotency-key': 'race' }),
      ),
    )
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true)
    expect((await owner.listExperiments({ params: { project: 'emoji' }, query: {} })).items).toHaveLength(before + 1)
  })

  test('a refused spec names every fault and stores nothing', async () => {
    const before = (await owner.listExperiments({ params: { project: 'emoji' }, query: {} })).items.length
    const { image: _, ...spec } = aSpec()
    const response = await post('/v1/projects/emoji/experiments', { ...spec, folds: { count: 1 }, dataset: 'emoji' })
    expect(response.headers.get('content-type')).toMatch('application/problem+json')
    const problem = (await response.json()) as { code: string; errors: { pointer: string }[] }
    expect(problem.code).toBe('spec-invalid')
    expect(problem.errors.map((error) => error.pointer).sort()).toEqual(['/folds/count', '/image'])
    expect((await owner.listExperiments({ params: { project: 'emoji' }, query: {} })).items).toHaveLength(before)
  })

  test('a spec that names a dataset or bundle that is not there is refused by pointer', async () => {
    const body = aSpec({ dataset: 'nothing@3', code: 'a'.repeat(64) })
    const refused = owner.createExperiment({ params: { project: 'emoji' }, body })
    await expect(refused).rejects.toMatchObject({
      code: 'spec-invalid',
      faults: [{ pointer: '/dataset' }, { pointer: '/code' }],
    })
  })

  test('LB recorded by hand stays what it was where it is left out', async () => {
    const { version } = await anExperiment(world)
    const params = { project: 'emoji', version }
    await owner.recordLb({ params, body: { lbPublic: 0.61 } }, { ifMatch: '*' })
    await owner.recordLb({ params, body: { lbPrivate: 0.6 } }, { ifMatch: '*' })
    expect(await owner.getExperiment({ params })).toMatchObject({ lbPublic: 0.61, lbPrivate: 0.6 })
  })

  test('what is not JSON, too large or of the wrong kind is refused as such', async () => {
    const url = '/v1/projects/emoji/experiments'
    expect((await post(url, '{"name":')).status).toBe(400)
    expect((await post(url, JSON.stringify({ name: 'x'.repeat(5 * 2 ** 20) }))).status).toBe(413)
    expect((await post(url, 'a,b', { 'content-type': 'text/csv' })).status).toBe(415)
    expect((await post('/v1/nothing', {})).status).toBe(404)
    expect(ExperimentSpec.safeParse(await (await post(url, [])).json()).success).toBe(false)
  })
})

describe('sessions', () => {
  test('an enrolment token registers one session, once', async () => {
    const { token } = await owner.createEnrolment({ body: {} })
    const enrolling = createClient({ url: api.url, token })
    const body = { name: 'one', provider: 'kaggle' as const, secondsLeft: 3600 }
    await enrolling.registerSession({ body })
    await expect(enrolling.registerSession({ body })).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('a token speaks for its own session only, and not after its end', async () => {
    const [one, two] = [await enrol('one'), await enrol('two')]
    const lease = (client: Client, session: string) =>
      client.acquireLease({ params: { session }, body: { waitSeconds: 0 } })
    await expect(lease(one.client, two.id)).rejects.toMatchObject({ code: 'forbidden' })
    await one.client.endSession({ params: { session: one.id } })
    await expect(lease(one.client, one.id)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test("a session cannot write to another's fold", async () => {
    await anExperiment(world)
    const lease = await aLease(world, await aSession(world, 'holder'))
    const { client } = await enrol('thief')
    await expect(
      client.heartbeat({ params: { fold: lease.foldId }, body: { fence: lease.fence } }),
    ).rejects.toMatchObject({ code: 'lease-lost' })
  })

  test('drain reaches a session with its next request', async () => {
    const { id, client } = await enrol('draining')
    await owner.drainSession({ params: { session: id } })
    expect(await client.acquireLease({ params: { session: id }, body: { waitSeconds: 0 } })).toEqual({
      lease: null,
      command: 'drain',
    })
  })

  test('a lease over REST carries what training needs', async () => {
    world.queue.waiting.length = 0
    const experiment = await anExperiment(world)
    await dispatchOutbox(world)
    const { id, client } = await enrol('worker')
    const { lease } = await client.acquireLease({ params: { session: id }, body: { waitSeconds: 0 } })
    expect(lease).toMatchObject({
      version: experiment.version,
      fence: 1,
      attempt: 1,
      checkpoint: null,
      specDigest: experiment.specDigest,
    })
    expect(lease!.dataset.shards).toEqual(world.manifest.shards)
  })
})
