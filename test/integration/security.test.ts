import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { allPages, createClient } from '@baton/contracts'
import type { Client, IssuedToken, Role } from '@baton/contracts'
import { admitOwnerToken, authenticate, insertToken, rotateToken, sha256 } from '@baton/core'
import type { Caller, Store } from '@baton/core'
import { createLog } from '@baton/log'
import { aSpec, createWorld, runSql } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let world: World
let api: RunningApi
/** What the API logged. */
const logged: string[] = []
let emoji: NonNullable<Caller['project']>
let other: NonNullable<Caller['project']>
let owner: Client

beforeAll(async () => {
  world = await createWorld()
  const { store, blobs, queue, times } = world
  const log = createLog({ app: 'api', level: 'debug', destination: { write: (line) => void logged.push(line) } })
  api = await startApi({ host: '127.0.0.1', port: 0, database: store, queue, blobs, s3: null, log, times })
  emoji = (await store.projects.find('emoji'))!
  other = await store.projects.insert({ slug: 'other', name: 'Other' })
  owner = as(await aToken('owner', null))
})
afterAll(async () => {
  await api.close()
  await world.close()
})

const aToken = (role: Role, project: Caller['project'], validSeconds: number | null = null) =>
  insertToken(world.store, { name: `${role} of ${project?.slug ?? 'all'}`, role, project, validSeconds })
const as = ({ token }: { token: string }) => createClient({ url: api.url, token })
const refused = (code: string) => expect.objectContaining({ code }) as unknown
const listed = (client: Client) =>
  allPages(client.listProjects, {}).then((projects) => projects.map(({ slug }) => slug))
const sql = (query: string) => runSql(world.databaseUrl, query)

describe('a secret', () => {
  test('is shown once: neither the database nor any answer has it again', async () => {
    const made = await owner.createToken({ body: { name: 'ci', role: 'submitter' } })
    expect(made.token).toMatch(/^baton_submitter_[\w-]{43}$/)
    const [row] = await sql(`SELECT row_to_json(t) AS row FROM token t WHERE id = '${made.id}'`)
    expect(row).toMatchObject({ row: { hash: sha256(made.token) } })
    const answers = [row, await owner.getToken({ params: { token: made.id } }), await owner.listTokens({ query: {} })]
    expect(JSON.stringify(answers)).not.toContain(made.token)
  })

  test('of any role, sent where it should not be, is in no log line', async () => {
    const roles = ['owner', 'submitter', 'viewer', 'enrolment', 'session'] as const
    for (const role of roles) {
      const { token } = await aToken(role, null)
      await fetch(`${api.url}/v1/projects/${token}?token=${token}`, { headers: { authorization: `Bearer ${token}` } })
      await fetch(`${api.url}/v1/projects`, { method: 'POST', headers: { authorization: `Bearer x${token}` } })
      const log = createLog({ app: 'x', destination: { write: (line) => void logged.push(line) } })
      log.info({ said: `they sent ${token}`, error: new Error(token) }, token)
      expect(logged.join('')).toContain(`baton_${role}_[secret]`)
      expect(logged.join('')).not.toContain(token.slice(-20))
    }
  })

  test.each([
    ['expired', 'expires_at = now()'],
    ['revoked', 'revoked_at = now()'],
    ['used up', 'used_at = now()'],
  ])('that is %s opens nothing, and cannot be rotated back to life', async (_, change) => {
    const token = await aToken('viewer', null)
    expect(await listed(as(token))).toContain('emoji')
    await sql(`UPDATE token SET ${change} WHERE id = '${token.id}'`)
    await expect(listed(as(token))).rejects.toEqual(refused('unauthenticated'))
    const rotated = owner.rotateToken({ params: { token: token.id }, body: {} })
    await expect(rotated).rejects.toEqual(refused('conflict'))
  })

  test('is noted as used once a minute, not with every request', async () => {
    const token = await aToken('viewer', null)
    const read = async () => (await owner.getToken({ params: { token: token.id } })).lastUsedAt
    expect(await read()).toBeNull()
    await listed(as(token))
    const first = await read()
    await listed(as(token))
    expect(await read()).toBe(first)
    await sql(`UPDATE token SET last_used_at = now() - interval '2 minutes' WHERE id = '${token.id}'`)
    await listed(as(token))
    expect(Date.parse((await read())!)).toBeGreaterThanOrEqual(Date.parse(first!))
  })
})

describe('a token makes none above itself', () => {
  test.each(['submitter', 'viewer'] as const)('a %s makes none', async (role) => {
    const made = as(await aToken(role, null)).createToken({ body: { name: 'x', role: 'viewer' } })
    await expect(made).rejects.toEqual(refused('forbidden'))
  })

  test('an owner of one project makes tokens of that project, enrolments too; not of another, nor of all', async () => {
    const client = as(await aToken('owner', emoji))
    const made = await client.createToken({ body: { name: 'x', role: 'owner' } })
    expect(made.project).toBe('emoji')
    expect((await client.createEnrolment({ body: {} })).project).toBe('emoji')
    expect(await listed(as(made))).toEqual(['emoji'])
    for (const project of ['other', 'nothing', null]) {
      const token = client.createToken({ body: { name: 'x', role: 'viewer', project } })
      await expect(token).rejects.toEqual(refused('forbidden'))
      await expect(client.createEnrolment({ body: { project } })).rejects.toEqual(refused('forbidden'))
    }
    await expect(client.createProject({ body: { slug: 'mine', name: 'x' } })).rejects.toEqual(refused('forbidden'))
  })

  test('none that outlives it', async () => {
    const issuer = await aToken('owner', null, 3600)
    const made = await as(issuer).createToken({ body: { name: 'x', role: 'owner', validSeconds: 86_400 } })
    const eternal = await as(issuer).createToken({ body: { name: 'y', role: 'owner' } })
    expect([made.expiresAt, eternal.expiresAt]).toEqual([issuer.expiresAt, issuer.expiresAt])
  })

  test('roles that are not for people cannot be asked for, nor one that there is not', async () => {
    for (const role of ['session', 'enrolment', 'root'])
      await expect(owner.createToken({ body: { name: 'x', role: role as 'viewer' } })).rejects.toEqual(
        refused('request-invalid'),
      )
  })

  test('a token of a project that is not there is not made', async () => {
    const made = owner.createToken({ body: { name: 'x', role: 'viewer', project: 'nothing' } })
    await expect(made).rejects.toEqual(refused('not-found'))
  })

  test('an owner of one project neither revokes nor rotates what is of another or of all', async () => {
    const client = as(await aToken('owner', emoji))
    for (const foreign of [await aToken('viewer', other), await aToken('viewer', null)]) {
      const params = { token: foreign.id }
      await expect(client.revokeToken({ params })).rejects.toEqual(refused('not-found'))
      await expect(client.rotateToken({ params, body: {} })).rejects.toEqual(refused('not-found'))
      expect((await listed(as(foreign))).length).toBeGreaterThan(0)
    }
  })
})

describe('rotation', () => {
  test('ends the old secret at once, or after the overlap that was asked for', async () => {
    const first = await aToken('viewer', null)
    const params = { token: first.id }
    const second = await owner.rotateToken({ params, body: { overlapSeconds: 600 } })
    for (const good of [first, second]) expect(await listed(as(good))).toContain('emoji')
    await sql(`UPDATE token SET previous_until = now() WHERE id = '${first.id}'`)
    await expect(listed(as(first))).rejects.toEqual(refused('unauthenticated'))
    const third = await owner.rotateToken({ params, body: {} })
    await expect(listed(as(second))).rejects.toEqual(refused('unauthenticated'))
    expect(await listed(as(third))).toContain('emoji')
  })

  test('a secret in its overlap works on, but issues nothing and rotates nothing', async () => {
    const old = await aToken('owner', null)
    await owner.rotateToken({ params: { token: old.id }, body: { overlapSeconds: 600 } })
    const client = as(old)
    await expect(client.createToken({ body: { name: 'x', role: 'owner' } })).rejects.toEqual(refused('forbidden'))
    await expect(client.createEnrolment({ body: {} })).rejects.toEqual(refused('forbidden'))
    const again = client.rotateToken({ params: { token: old.id }, body: {} })
    await expect(again).rejects.toEqual(refused('forbidden'))
    expect(await listed(client)).toContain('emoji')
  })

  test('of two that meet one is told, and the secret of the other is good', async () => {
    const { id } = await aToken('viewer', null)
    const caller = (await authenticate(world.store, (await aToken('owner', null)).token))!
    let between: IssuedToken | null = null
    const meeting: Store = {
      ...world.store,
      transaction: async (work) => {
        between ??= await rotateToken(world, { caller, tokenId: id, overlapSeconds: 0 })
        return world.store.transaction(work)
      },
    }
    const late = rotateToken({ store: meeting }, { caller, tokenId: id, overlapSeconds: 0 })
    await expect(late).rejects.toEqual(refused('conflict'))
    expect(await listed(as(between!))).toContain('emoji')
  })

  test('of ten at once over REST exactly one secret is good afterwards, and it was given out', async () => {
    const { id, token } = await aToken('viewer', null)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => owner.rotateToken({ params: { token: id }, body: {} })),
    )
    const given = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.token] : []))
    const good = await Promise.all([token, ...given].map((secret) => authenticate(world.store, secret)))
    expect(good.filter((caller) => caller !== null)).toHaveLength(1)
    expect(good[0]).toBeNull()
  })
})

describe('revocation', () => {
  test('is over when it is answered: whatever comes after is refused, whatever was under way', async () => {
    const token = await aToken('submitter', emoji)
    const client = as(token)
    const params = { project: 'emoji' }
    const running = Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        client.createExperiment({ params, body: aSpec({ name: `run ${i}`, folds: { count: 2, only: [0] } }) }),
      ),
    )
    await owner.revokeToken({ params: { token: token.id } })
    const after = await Promise.allSettled(Array.from({ length: 8 }, () => listed(client)))
    expect(after.every((outcome) => outcome.status === 'rejected')).toBe(true)
    // Those under way ended one way or the other, and what was accepted has its entry.
    const accepted = (await running).filter((outcome) => outcome.status === 'fulfilled').length
    const { items } = await owner.listAudit({ query: { token: token.id } })
    expect(items.filter(({ outcome }) => outcome === 'done')).toHaveLength(accepted)
  })

  test('again changes nothing, and a token that is not there is not found', async () => {
    const { id } = await aToken('viewer', null)
    await owner.revokeToken({ params: { token: id } })
    const { revokedAt } = await owner.getToken({ params: { token: id } })
    await owner.revokeToken({ params: { token: id } })
    expect((await owner.getToken({ params: { token: id } })).revokedAt).toBe(revokedAt)
    const nothing = owner.revokeToken({ params: { token: crypto.randomUUID() } })
    await expect(nothing).rejects.toEqual(refused('not-found'))
  })

  test("an enrolment's ends it before it was used", async () => {
    const enrolment = await owner.createEnrolment({ body: {} })
    await owner.revokeToken({ params: { token: enrolment.id } })
    const registered = as(enrolment).registerSession({ body: { name: 'x', provider: 'local' } })
    await expect(registered).rejects.toEqual(refused('unauthenticated'))
  })

  test('spares the last configured owner, also when two are revoked at once; one that is gone does not come back', async () => {
    const chosen = ['chosen-by-the-operator-1', 'chosen-by-the-operator-2']
    for (const token of chosen) await admitOwnerToken(world.store, token)
    const ids = await Promise.all(chosen.map(async (token) => (await authenticate(world.store, token))!.tokenId))
    const outcomes = await Promise.allSettled(ids.map((token) => owner.revokeToken({ params: { token } })))
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const last = outcomes.findIndex(({ status }) => status === 'rejected')
    expect(outcomes[last]).toMatchObject({ reason: { code: 'conflict' } })
    expect(await authenticate(world.store, chosen[last]!)).toMatchObject({ role: 'owner', project: null })
    await expect(admitOwnerToken(world.store, chosen[1 - last]!)).rejects.toEqual(refused('config-invalid'))
    const rotated = owner.rotateToken({ params: { token: ids[last]! }, body: {} })
    await expect(rotated).rejects.toEqual(refused('conflict'))
  })
})

test('lists of tokens go page by page, living ones unless the ended are asked for, none of a session', async () => {
  const client = as(await aToken('owner', other))
  const made = await Promise.all(
    Array.from({ length: 5 }, (_, i) => client.createToken({ body: { name: `t${i}`, role: 'viewer' } })),
  )
  await client.revokeToken({ params: { token: made[0]!.id } })
  await sql(`UPDATE token SET created_at = now() WHERE name LIKE 't_'`)
  await aToken('session', other)
  const read = async (ended: 'true' | 'false') => {
    const names: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = await client.listTokens({ query: { limit: 2, ended, ...(cursor ? { cursor } : {}) } })
      names.push(...page.items.map(({ name }) => name))
      if (page.nextCursor === null) return names.filter((name) => /^t\d$|session/.test(name)).sort()
      cursor = page.nextCursor
    }
  }
  expect(await read('false')).toEqual(['t1', 't2', 't3', 't4'])
  expect(await read('true')).toEqual(['t0', 't1', 't2', 't3', 't4'])
  const forged = Buffer.from(JSON.stringify(['tokens', 'yesterday', "'; --"])).toString('base64url')
  await expect(client.listTokens({ query: { cursor: forged } })).rejects.toEqual(refused('request-invalid'))
})
