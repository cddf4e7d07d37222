import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { idScopes, isPersonal, MatrixSpec, Role, routes } from '@baton/contracts'
import type { IdScope, Problem, RouteName, RouteSpec } from '@baton/contracts'
import { authenticate, createMatrix, insertToken } from '@baton/core'
import type { Caller } from '@baton/core'
import { createLog } from '@baton/log'
import { aSession, aSpec, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

type Project = NonNullable<Caller['project']>
/** Of the targets' project, of another one, or of all. */
type Reach = 'own' | 'other' | 'all'
type Verdict = 'unauthenticated' | 'forbidden' | 'not-found' | 'allowed'

interface Tester {
  readonly role: Role
  readonly reach: Reach
  readonly token: string
  readonly sessionId: string | null
}

const named = Object.entries(routes) as [RouteName, RouteSpec][]

let world: World
let api: RunningApi
let projects: Record<Reach, Project | null>
let targets: Record<IdScope, string>
/** Things that belong to no project in particular. */
let shared: Partial<Record<IdScope, string>>
let version: number

beforeAll(async () => {
  world = await createWorld()
  const { store, blobs, queue, times } = world
  const log = createLog({ app: 'api', level: 'silent' })
  api = await startApi({ host: '127.0.0.1', port: 0, database: store, queue, blobs, s3: null, log, times })
  const own = (await store.projects.find('emoji'))!
  projects = { own, other: await store.projects.insert({ slug: 'other', name: 'Other' }), all: null }
  // Of a matrix, so that there is one to be read.
  const { recipe: _, ...spec } = aSpec()
  const matrix = MatrixSpec.parse({ ...spec, matrix: { include: [{}] } })
  version = (await createMatrix(world, { project: 'emoji', spec: matrix })).version
  const experiment = (await store.experiments.get('emoji', version))!
  targets = {
    fold: experiment.folds[0]!.id,
    session: await aSession(world, 'a session of emoji', own),
    token: (await aToken('viewer', own)).id,
  }
  shared = { session: await aSession(world, 'a session of all'), token: (await aToken('viewer', null)).id }
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const aToken = (role: Role, project: Project | null, sessionId?: string) =>
  insertToken(world.store, { name: role, role, project, validSeconds: 600, ...(sessionId ? { sessionId } : {}) })

/** One of each role in each reach; new ones for each route, which may end them. */
async function everybody(): Promise<Tester[]> {
  const each = Role.options.flatMap((role) => (['own', 'other', 'all'] as const).map((reach) => ({ role, reach })))
  return Promise.all(
    each.map(async ({ role, reach }) => {
      const sessionId = role === 'session' ? await aSession(world, 'caller', projects[reach]) : null
      const { token } = await aToken(role, projects[reach], sessionId ?? undefined)
      return { role, reach, token, sessionId }
    }),
  )
}

/** What a route's row promises a caller, for a target of the project `emoji` or of none in particular. */
function verdictOf(route: RouteSpec, caller: Tester | null, target: 'of emoji' | 'of none'): Verdict {
  if (route.roles.length === 0) return 'allowed'
  if (caller === null) return 'unauthenticated'
  if (!route.roles.includes(caller.role)) return 'forbidden'
  if (caller.reach === 'all') return 'allowed'
  if (route.scope === 'service') return 'forbidden'
  if (route.scope === 'project') return caller.reach === 'own' ? 'allowed' : 'forbidden'
  if (isIdScope(route.scope)) return caller.reach === 'own' && target === 'of emoji' ? 'allowed' : 'not-found'
  return 'allowed'
}

const isIdScope = (scope: string): scope is IdScope => (idScopes as readonly string[]).includes(scope)

/** The path with a value for each name; those that no test made anything for name nothing. */
function pathOf(route: RouteSpec, caller: Tester | null, ids: Partial<Record<string, string>>) {
  const values: Partial<Record<string, string>> = { project: 'emoji', version: String(version), ...ids }
  if (route.scope === 'own') values.session = caller?.sessionId ?? targets.session
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!)
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? nothingAt(route, name))
  return { path, isKnown: names.every((name) => name in values) }
}

/** A value that the path's schema takes and that names nothing: a number, an id or a digest. */
function nothingAt({ params }: RouteSpec, name: string): string {
  const schema = params!.pick({ [name]: true } as never)
  const values = ['999', crypto.randomUUID(), 'f'.repeat(64)]
  return values.find((value) => schema.safeParse({ [name]: value }).success) ?? 'nothing'
}

async function call(route: RouteSpec, path: string, token: string | undefined): Promise<Response> {
  return fetch(`${api.url}${path}`, {
    method: route.method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(route.body ? { 'content-type': 'application/json' } : {}),
    },
    // Whoever comes as far as the body is refused by it, so that little happens.
    ...(route.body ? { body: '{"$":0}' } : {}),
  })
}

async function verdictFrom(response: Response, isKnown: boolean): Promise<Verdict> {
  const isProblem = response.headers.get('content-type')?.includes('problem+json')
  const { code } = isProblem ? ((await response.json()) as Problem) : { code: null }
  if (!isProblem) await response.body?.cancel()
  if (code === 'unauthenticated' || code === 'forbidden') return code
  return code === 'not-found' && isKnown ? code : 'allowed'
}

describe('every route answers every role, of its own project, another and all, as its row says', () => {
  test.each(named)('%s', async (name, route) => {
    const callers = [null, ...(await everybody())]
    const cases: ['of emoji' | 'of none', Partial<Record<string, string>>][] = [['of emoji', targets]]
    if (isIdScope(route.scope) && shared[route.scope] !== undefined) cases.push(['of none', { ...targets, ...shared }])
    const told: Record<string, Verdict> = {}
    const wanted: Record<string, Verdict> = {}
    for (const [target, ids] of cases)
      for (const caller of callers) {
        const { path, isKnown } = pathOf(route, caller, ids)
        const key = `${caller?.role ?? 'nobody'} ${caller?.reach ?? ''} to what is ${target}`
        wanted[key] = verdictOf(route, caller, target)
        told[key] = await verdictFrom(await call(route, path, caller?.token), isKnown || wanted[key] === 'not-found')
      }
    expect(told).toEqual(wanted)
    // What people change, or try to, is written down; nothing else is.
    for (const caller of callers.filter((one) => one !== null)) {
      const { tokenId } = (await authenticate(world.store, caller.token)) ?? {}
      if (tokenId === undefined) continue
      const { items } = await world.store.audit.list({ token: tokenId }, { limit: 10 })
      const isWritten = route.method !== 'GET' && isPersonal(caller.role)
      expect(items.map((entry) => entry.route)).toEqual(isWritten ? cases.map(() => name) : [])
    }
  })
})

test('a project that is not there is refused to a token of another project like one that is', async () => {
  const { token } = await aToken('owner', projects.other)
  for (const [name, route] of named.filter(([, { scope }]) => scope === 'project')) {
    const [there, ...not] = await Promise.all(
      ['emoji', 'nothing', 'No%20Slug'].map(async (project) => {
        const { path } = pathOf(route, null, { ...targets, project })
        const { instance: _, ...problem } = (await (await call(route, path, token)).json()) as Problem
        return problem
      }),
    )
    if (route.roles.includes('owner')) expect(not, name).toEqual([there, there])
  }
})

test('lists over projects show a token of one project nothing of another', async () => {
  const { token } = await aToken('owner', await world.store.projects.insert({ slug: 'empty', name: 'Empty' }))
  const lists = named.filter(([, { scope, method, stream }]) => scope === 'visible' && method === 'GET' && !stream)
  expect(lists.length).toBeGreaterThan(3)
  for (const [name, route] of lists) {
    const text = await (await call(route, pathOf(route, null, targets).path, token)).text()
    for (const secret of ['emoji', ...Object.values(targets), ...Object.values(shared)])
      expect(text, name).not.toContain(secret)
  }
})

test('a session of its own may not be named by another, nor by a person', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => aSession(world, name)))
  const { token } = await aToken('session', null, one)
  for (const [name, route] of named.filter(([, { scope, path }]) => scope === 'own' && path.includes(':session'))) {
    const { path } = pathOf(route, { role: 'session', reach: 'all', token, sessionId: two! }, {})
    expect((await call(route, path, token)).status, name).toBe(403)
    expect(route.roles.some(isPersonal), name).toBe(false)
  }
})
