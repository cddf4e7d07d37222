import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient } from '@baton/contracts'
import type { Role } from '@baton/contracts'
import { insertToken } from '@baton/core'
import type { JobQueue } from '@baton/core'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'
import type { Queue, QueueBackend } from '@baton/queue'
import { anExperiment, createWorld, describeWithRedis, startRedis } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

interface Place {
  readonly backend: QueueBackend
  readonly close: () => Promise<void>
}

interface ShownQueue {
  readonly name: string
  readonly displayName: string
  readonly counts: Readonly<Record<string, number>>
  readonly jobs: readonly { readonly id: string; readonly data: unknown; readonly failedReason?: string }[]
  readonly readOnlyMode: boolean
}

const html = { accept: 'text/html' }
const log = createLog({ app: 'api', level: 'silent' })

describe('the page of queues on PostgreSQL', () => {
  suite(async (world) => ({
    backend: { kind: 'postgres', url: world.databaseUrl },
    close: () => Promise.resolve(),
  }))
})

describeWithRedis('the page of queues on Redis', () => {
  suite(async () => {
    const redis = await startRedis()
    return { backend: { kind: 'redis', url: redis.url }, close: redis.stop }
  })
})

function optionsOf({ store, blobs, times }: World, queue: JobQueue): Parameters<typeof startApi>[0] {
  return { host: '127.0.0.1', port: 0, database: store, queue, blobs, s3: null, log, times }
}

function suite(openPlace: (world: World) => Promise<Place>): void {
  let world: World
  let place: Place
  let queue: Queue
  let api: RunningApi
  let writable: RunningApi
  let foldId: string

  beforeAll(async () => {
    world = await createWorld()
    place = await openPlace(world)
    queue = await openQueue({ backend: place.backend, log })
    const common = optionsOf(world, queue)
    api = await startApi({ ...common, queueBoard: { queue, isWritable: false } })
    writable = await startApi({ ...common, queueBoard: { queue, isWritable: true } })
    const experiment = await anExperiment(world)
    foldId = experiment.folds[0]!.id
    await queue.offers.offer({ foldId, offer: 1, pool: 'default', priority: 0 })
  })
  afterAll(async () => {
    await api.close()
    await writable.close()
    await queue.close()
    await place.close()
    await world.close()
  })

  const aToken = async (role: Role, isOfProject = false) => {
    const project = isOfProject ? await world.store.projects.find('emoji') : null
    return insertToken(world.store, { name: role, role, project, validSeconds: null })
  }
  const signIn = (token: string, { at = api, origin = '', headers = {} } = {}) =>
    fetch(`${at.url}/queues/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: origin || at.url, ...headers },
      body: new URLSearchParams({ token }),
    })
  /** What a browser sends back. */
  const cookieOf = (response: Response) => response.headers.get('set-cookie')!.split(';', 1)[0]!
  const anOwnersCookie = async () => {
    const owner = await aToken('owner')
    return { ...owner, cookie: cookieOf(await signIn(owner.token)) }
  }
  const queuesOf = async (headers: Record<string, string>, query = '', at = api) => {
    const response = await fetch(`${at.url}/queues/api/queues${query}`, { headers })
    expect(response.status).toBe(200)
    return ((await response.json()) as { queues: ShownQueue[] }).queues
  }
  const shown = async (headers: Record<string, string>, displayName: string, status = 'latest', at = api) => {
    const { name } = (await queuesOf(headers, '', at)).find((one) => one.displayName === displayName)!
    const query = `?activeQueue=${encodeURIComponent(name)}&status=${status}&page=1&jobsPerPage=10`
    return (await queuesOf(headers, query, at)).find((one) => one.name === name)!
  }

  test('who is not signed in sees a form and nothing else', async () => {
    for (const path of ['', '/', '/queue/sweep']) {
      const page = await fetch(`${api.url}/queues${path}`, { headers: html })
      expect(page.status).toBe(401)
      const text = await page.text()
      expect(text).toContain('action="/queues/sign-in"')
      expect(text).not.toContain('__UI_CONFIG__')
    }
    for (const path of ['/api/queues', '/api/redis/stats', '/static/favicon.ico'])
      expect((await fetch(`${api.url}/queues${path}`)).status, path).toBe(401)
  })

  test('nobody but an owner of all projects is let in, by form, cookie or header', async () => {
    const tokens = [await aToken('viewer'), await aToken('submitter'), await aToken('owner', true)]
    for (const { token } of tokens) {
      const refused = await signIn(token)
      expect(refused.status).toBe(403)
      expect(refused.headers.get('set-cookie')).toBeNull()
      const headers = { authorization: `Bearer ${token}` }
      expect((await fetch(`${api.url}/queues/api/queues`, { headers })).status).toBe(403)
    }
    const unknown = await signIn('baton_owner_that-is-none-of-ours')
    expect(unknown.status).toBe(401)
    expect(await unknown.text()).toContain('not known')
    expect(unknown.headers.get('set-cookie')).toBeNull()
  })

  test('an owner sees every kind of job, and an offer that waits', async () => {
    const { token, cookie } = await anOwnersCookie()
    const page = await fetch(`${api.url}/queues/`, { headers: { ...html, cookie } })
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('__UI_CONFIG__')
    const names = (await queuesOf({ cookie })).map(({ displayName }) => displayName)
    const kinds = ['assemble-experiment', 'make-submission', 'fan-out-event', 'deliver-notifications', 'sweep']
    expect(names).toEqual([...kinds, 'offers of pool default'])
    const offers = await shown({ cookie }, 'offers of pool default')
    expect(offers.jobs.map(({ data }) => data)).toEqual([{ foldId, offer: 1, pool: 'default', priority: 0 }])
    expect(offers.counts.prioritized).toBe(1)
    const byHeader = await shown({ authorization: `Bearer ${token}` }, 'offers of pool default')
    expect(byHeader.jobs).toHaveLength(1)
    const stats = await fetch(`${api.url}/queues/api/redis/stats`, { headers: { cookie } })
    expect(await stats.json()).toMatchObject({ backend: place.backend.kind })
  })

  test('a pool that opens later is shown without a restart', async () => {
    const { cookie } = await anOwnersCookie()
    await anExperiment(world, { pool: 'late' })
    expect((await queuesOf({ cookie })).map(({ displayName }) => displayName)).toContain('offers of pool late')
  })

  test('what the page loads is ours, and its answers keep it so', async () => {
    const { cookie } = await anOwnersCookie()
    const page = await fetch(`${api.url}/queues/`, { headers: { ...html, cookie } })
    const policy = page.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'; script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    const text = await page.text()
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    // No script stands in the page itself, but for data.
    expect(text.match(/<script(?![^>]*\bsrc=)[^>]*>/g)).toEqual(['<script id="__UI_CONFIG__" type="application/json">'])
    const files = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => file!)
    expect(files.length).toBeGreaterThan(4)
    for (const file of files) {
      const response = await fetch(`${api.url}/queues/${file}`, { headers: { cookie } })
      expect(response.status, file).toBe(200)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0)
    }
    for (const path of ['/static/..%2f..%2fpackage.json', '/static/../package.json', '/no-such-thing'])
      expect((await fetch(`${api.url}/queues${path}`, { headers: { cookie } })).status).toBe(404)
  })

  test('the cookie is for this page only, shows no token, and scripts and other sites have none of it', async () => {
    const { token } = await aToken('owner')
    const response = await signIn(token)
    expect(response.status).toBe(303)
    const cookie = response.headers.get('set-cookie')!
    expect(cookie).toMatch(/; Max-Age=43200; Path=\/queues; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(token)
    const common = optionsOf(world, queue)
    const publicUrl = 'https://baton.example.org'
    const secure = await startApi({ ...common, publicUrl, queueBoard: { queue, isWritable: false } })
    const signedIn = await signIn(token, { at: secure, origin: publicUrl })
    expect(signedIn.headers.get('set-cookie')).toMatch(/; Secure$/)
    // Another replica takes it.
    await queuesOf({ cookie: cookieOf(signedIn) })
    await secure.close()
  })

  test('a cookie that is changed, at its end or of a revoked or rotated token opens nothing', async () => {
    const status = async (cookie: string) =>
      (await fetch(`${api.url}/queues/api/queues`, { headers: { cookie } })).status
    const { cookie, id, token } = await anOwnersCookie()
    const other = await anOwnersCookie()
    const [head, end, sealed] = cookie.split('.') as [string, string, string]
    const later = String(Number(end) + 1)
    const ofOther = other.cookie.split('.').slice(1).join('.')
    const forged = [`${head}.${later}.${sealed}`, `${head}.${end}.${'A'.repeat(80)}`, `${head}.${ofOther}`]
    for (const one of [...forged, `${head}.${end}`, 'baton_queues=', `baton_queues=${token}`])
      expect(await status(one), one).toBe(401)
    expect(await status(cookie)).toBe(200)

    const now = vi.spyOn(Date, 'now').mockReturnValue((Number(end) + 1) * 1000)
    expect(await status(cookie)).toBe(401)
    now.mockRestore()

    const keeper = await aToken('owner')
    const client = createClient({ url: api.url, token: keeper.token })
    await client.revokeToken({ params: { token: id } })
    expect(await status(cookie)).toBe(401)
    await client.rotateToken({ params: { token: other.id }, body: {} })
    expect(await status(other.cookie)).toBe(401)
  })

  test('signing out takes the cookie away', async () => {
    const response = await fetch(`${api.url}/queues/sign-out`, { redirect: 'manual' })
    expect(response.headers.get('set-cookie')).toMatch(/^baton_queues=; Max-Age=0; Path=\/queues;/)
  })

  test('read-only refuses every change, and says how to allow it', async () => {
    const { token, cookie } = await anOwnersCookie()
    const { name, jobs, readOnlyMode } = await shown({ cookie }, 'offers of pool default')
    expect(readOnlyMode).toBe(true)
    const changes = ['clean/prioritized', 'retry/failed', 'pause', 'empty', 'obliterate', `${jobs[0]!.id}/clean`]
    const ways = [{ cookie, origin: api.url }, { authorization: `Bearer ${token}` }]
    for (const change of changes)
      for (const headers of ways) {
        const url = `${api.url}/queues/api/queues/${name}/${change}`
        const response = await fetch(url, { method: 'PUT', headers })
        expect(response.status).toBe(403)
        expect(await response.text()).toContain('BATON_QUEUES_WRITABLE')
      }
    expect((await shown({ cookie }, 'offers of pool default')).jobs).toHaveLength(1)
  })

  test('where it is allowed a failed job is tried again and a job removed, and the log says by whom', async () => {
    const { id, cookie } = await anOwnersCookie()
    const own = { cookie, origin: writable.url }
    const put = (name: string, change: string, headers: Record<string, string> = own) =>
      fetch(`${writable.url}/queues/api/queues/${name}/${change}`, { method: 'PUT', headers })

    // Fails for good: the first run of a kind with one attempt.
    let runs = 0
    const ran = () => {
      runs += 1
      return runs === 1 ? Promise.reject(new Error('the first run fails')) : Promise.resolve()
    }
    const nothing = () => Promise.resolve()
    queue.consume('coordinator', {
      sweep: ran,
      'assemble-experiment': nothing,
      'make-submission': nothing,
      'fan-out-event': nothing,
    })
    await queue.add('sweep', {})
    const failed = await vi.waitFor(async () => {
      const found = await shown(own, 'sweep', 'failed', writable)
      expect(found.jobs).toHaveLength(1)
      return found
    })
    expect(failed.jobs[0]!.failedReason).toBe('the first run fails')

    for (const origin of ['http://evil.example', 'http://127.0.0.1:1'])
      expect((await put(failed.name, `${failed.jobs[0]!.id}/retry`, { cookie, origin })).status).toBe(403)
    expect((await put(failed.name, `${failed.jobs[0]!.id}/retry`, { cookie })).status).toBe(403)
    expect((await put(failed.name, 'pause')).status).toBe(404)
    expect(runs).toBe(1)
    expect((await put(failed.name, `${failed.jobs[0]!.id}/retry`)).status).toBe(204)
    await vi.waitFor(() => expect(runs).toBe(2))

    const offers = await shown(own, 'offers of pool default', 'prioritized', writable)
    expect((await put(offers.name, `${offers.jobs[0]!.id}/clean`)).status).toBe(204)
    expect((await shown(own, 'offers of pool default', 'prioritized', writable)).jobs).toEqual([])

    const { items } = await world.store.audit.list({ token: id }, { limit: 10 })
    const [cleaned, retried] = items
    expect(cleaned).toMatchObject({ route: 'changeQueues', outcome: 'done' })
    expect(cleaned!.target).toContain(offers.name)
    expect(retried).toMatchObject({ route: 'changeQueues', outcome: 'done' })
    expect(items.filter(({ outcome }) => outcome === 'forbidden')).toHaveLength(3)
  })

  test('tokens are not guessed: what is wrong, in the form or in a cookie, counts for its address', async () => {
    const rateLimits = { tokenPerMinute: 1000, addressPerMinute: 3 }
    const limited = await startApi({ ...optionsOf(world, queue), rateLimits, queueBoard: { queue, isWritable: false } })
    const tries = [
      () => signIn('wrong', { at: limited }),
      () => fetch(`${limited.url}/queues/`, { headers: { ...html, cookie: 'baton_queues=wrong' } }),
    ]
    const statuses: number[] = []
    for (const attempt of [...tries, ...tries]) statuses.push((await attempt()).status)
    expect(statuses).toEqual([401, 401, 401, 429])
    const { token } = await aToken('owner')
    expect((await signIn(token, { at: limited })).status).toBe(303)
    await limited.close()
  })

  test('another page cannot sign anybody in', async () => {
    const { token } = await aToken('owner')
    expect((await signIn(token, { origin: 'http://evil.example' })).status).toBe(403)
    expect((await signIn(token, { headers: { 'sec-fetch-site': 'same-site' } })).status).toBe(403)
  })
}

test('an API that was given no queue to show has no such page', async () => {
  const world = await createWorld()
  const api = await startApi(optionsOf(world, world.queue))
  expect((await fetch(`${api.url}/queues/`, { headers: html })).status).toBe(404)
  await api.close()
  await world.close()
})
