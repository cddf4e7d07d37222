import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { createClient } from '@baton/contracts'
import type { Client, Problem, Role } from '@baton/contracts'
import { insertToken } from '@baton/core'
import type { Caller } from '@baton/core'
import { createLog } from '@baton/log'
import { aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'

let world: World
let api: RunningApi
let emoji: NonNullable<Caller['project']>
let owner: { id: string; token: string; client: Client }

beforeAll(async () => {
  world = await createWorld()
  const { store, blobs, queue, times } = world
  const log = createLog({ app: 'api', level: 'silent' })
  api = await startApi({ host: '127.0.0.1', port: 0, database: store, queue, blobs, s3: null, log, times })
  emoji = (await store.projects.find('emoji'))!
})
afterAll(async () => {
  await api.close()
  await world.close()
})
beforeEach(async () => {
  await sql('DELETE FROM audit_entry')
  owner = await aToken('owner', null)
})

const sql = (query: string) => runSql(world.databaseUrl, query)

async function aToken(role: Role, project: Caller['project']) {
  const { id, token } = await insertToken(world.store, { name: `${role}'s`, role, project, validSeconds: null })
  return { id, token, client: createClient({ url: api.url, token }) }
}

const entries = async () => (await owner.client.listAudit({ query: {} })).items

test('an accepted change is written down with who did it, with what and to what', async () => {
  const { id, client } = await aToken('submitter', emoji)
  await client.createExperiment({ params: { project: 'emoji' }, body: aSpec() })
  expect(await entries()).toEqual([
    {
      id: expect.any(Number) as number,
      at: expect.any(String) as string,
      tokenId: id,
      token: "submitter's",
      role: 'submitter',
      project: 'emoji',
      route: 'createExperiment',
      target: '/v1/projects/emoji/experiments',
      requestId: expect.any(String) as string,
      outcome: 'done',
    },
  ])
})

test('a change whose entry cannot be written is not made', async () => {
  await sql(`ALTER TABLE audit_entry ADD CONSTRAINT closed CHECK (route <> 'createExperiment') NOT VALID`)
  onTestFinished(async () => void (await sql('ALTER TABLE audit_entry DROP CONSTRAINT IF EXISTS closed')))
  const count = () => sql('SELECT count(*)::int AS n FROM experiment')
  const before = await count()
  world.queue.waiting.length = 0
  const refused = owner.client.createExperiment({ params: { project: 'emoji' }, body: aSpec() })
  await expect(refused).rejects.toMatchObject({ code: 'internal' })
  expect(await count()).toEqual(before)
  expect(world.queue.waiting).toHaveLength(0)
  await sql('ALTER TABLE audit_entry DROP CONSTRAINT closed')
  await owner.client.createExperiment({ params: { project: 'emoji' }, body: aSpec() })
  expect(await count()).not.toEqual(before)
})

test('what was refused is written down by its problem, under the instance that the caller was told', async () => {
  const { token } = await aToken('viewer', emoji)
  const post = (path: string, as: string) =>
    fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
      body: '{}',
    })
  const problems: Problem[] = []
  for (const [path, as] of [
    ['/v1/projects/emoji/experiments?x=1', token],
    ['/v1/projects', owner.token],
    [`/v1/tokens/${crypto.randomUUID()}/rotate`, owner.token],
  ] as const)
    problems.push((await (await post(path, as)).json()) as Problem)
  expect(problems.map(({ code }) => code)).toEqual(['forbidden', 'request-invalid', 'not-found'])
  const written = (await entries()).reverse()
  expect(written.map(({ outcome, requestId }) => [outcome, requestId])).toEqual(
    problems.map(({ code, instance }) => [code, instance]),
  )
  expect(written[0]!.target).toBe('/v1/projects/emoji/experiments')
})

test('an answer that is given again is no second change', async () => {
  const key = { idempotencyKey: 'once' }
  const body = aSpec({ name: 'once' })
  for (let i = 0; i < 3; i++) await owner.client.createExperiment({ params: { project: 'emoji' }, body }, key)
  expect((await entries()).map(({ outcome }) => outcome)).toEqual(['done'])
})

test('reading, and what sessions do, is not in it', async () => {
  const enrolment = await owner.client.createEnrolment({ body: {} })
  await owner.client.listProjects({ query: {} })
  const enrolling = createClient({ url: api.url, token: enrolment.token })
  const session = await enrolling.registerSession({ body: { name: 'x', provider: 'local' } })
  const working = createClient({ url: api.url, token: session.token })
  await working.acquireLease({ params: { session: session.id }, body: { waitSeconds: 0 } })
  await working.endSession({ params: { session: session.id } })
  expect((await entries()).map(({ route }) => route)).toEqual(['createEnrolment'])
})

test('a change to something that is named by an id says of which project it was', async () => {
  const made = await owner.client.createToken({ body: { name: 'x', role: 'viewer', project: 'emoji' } })
  await owner.client.revokeToken({ params: { token: made.id } })
  expect((await entries()).map(({ route, project }) => [route, project])).toEqual([
    ['revokeToken', 'emoji'],
    ['createToken', null],
  ])
})

test('is read page by page, by project, token and time; an owner of one project sees what was about it', async () => {
  const steward = await aToken('owner', emoji)
  for (let i = 0; i < 3; i++) await steward.client.createEnrolment({ body: {} })
  for (let i = 0; i < 2; i++) await owner.client.createEnrolment({ body: {} })
  const read = async ({ client }: { client: Client }, filter: Record<string, string> = {}) => {
    const tokens: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await client.listAudit({ query: { ...filter, limit: 2, ...(cursor ? { cursor } : {}) } })
      tokens.push(...page.items.map(({ tokenId }) => tokenId))
      cursor = page.nextCursor
    }
    return tokens
  }
  const [o, s] = [owner.id, steward.id]
  expect(await read(owner)).toEqual([o, o, s, s, s])
  expect(await read(steward)).toEqual([s, s, s])
  expect(await read(owner, { project: 'emoji' })).toEqual([s, s, s])
  expect(await read(steward, { project: 'other' })).toEqual([])
  expect(await read(steward, { token: owner.id })).toEqual([])
  expect(await read(owner, { token: owner.id })).toEqual([o, o])
  await sql(`UPDATE audit_entry SET at = '2020-01-01' WHERE token_id = '${owner.id}'`)
  expect(await read(owner, { until: '2020-01-02T00:00:00Z' })).toEqual([o, o])
  expect(await read(owner, { since: '2020-01-01T00:00:00.001Z' })).toEqual([s, s, s])
})

test('entries older than they are kept are removed, and so are tokens that ended long ago; the rest stays', async () => {
  await owner.client.createEnrolment({ body: {} })
  const [gone, ended] = [await aToken('viewer', null), await aToken('viewer', null)]
  await owner.client.createEnrolment({ body: {} })
  await sql(`UPDATE audit_entry SET at = now() - interval '366 days' WHERE id = (SELECT min(id) FROM audit_entry)`)
  await sql(`UPDATE token SET revoked_at = now() - interval '31 days' WHERE id = '${gone.id}'`)
  await sql(`UPDATE token SET revoked_at = now() WHERE id = '${ended.id}'`)
  expect(await world.store.audit.expire(365 * 86_400)).toBe(1)
  expect(await world.store.tokens.removeEnded(30 * 86_400)).toBe(1)
  expect(await entries()).toHaveLength(1)
  expect((await owner.client.getToken({ params: { token: ended.id } })).revokedAt).not.toBeNull()
})
