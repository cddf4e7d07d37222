import { createClient, etagOf, Provider } from '@baton/contracts'
import type { Client, SessionRegistration } from '@baton/contracts'
import { createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client

beforeAll(async () => {
  world = await createWorld()
  rest = await startRest(world)
  owner = rest.owner
})
afterAll(async () => {
  await rest.close()
  await world.close()
})

async function register(body: Partial<SessionRegistration> & Pick<SessionRegistration, 'provider'>) {
  const { token } = await owner.createEnrolment({ body: {} })
  return createClient({ url: rest.url, token }).registerSession({ body: { name: 'one', ...body } })
}

test('there is a profile of every provider from the start, and only those with limits have any', async () => {
  const { items } = await owner.listProviderProfiles()
  expect(items.map(({ provider }) => provider)).toEqual(Provider.options)
  expect(items.map(({ sessionSeconds }) => sessionSeconds)).toEqual([43_200, 43_200, null, null])
  expect(items.every(({ note }) => note.length > 0)).toBe(true)
})

test("a session that does not say how long it lives gets its provider's time; one that says so keeps its own", async () => {
  expect(await register({ provider: 'kaggle' })).toMatchObject({ secondsLeft: 43_200 })
  expect(await register({ provider: 'kaggle', secondsLeft: 90 })).toMatchObject({ secondsLeft: 90 })
  expect(await register({ provider: 'local' })).toMatchObject({ secondsLeft: null })
})

test('what a person says of a provider holds for the next session, if they have seen what it was', async () => {
  const params = { provider: 'colab' as const }
  const before = await owner.getProviderProfile({ params })
  const { provider, updatedAt, ...limits } = before
  const say = (sessionSeconds: number, ifMatch = etagOf(before)!) =>
    owner.updateProviderProfile({ params, body: { ...limits, sessionSeconds, note: 'mine' } }, { ifMatch })
  const changed = await say(3600)
  expect(changed).toMatchObject({ provider, sessionSeconds: 3600, note: 'mine', idleSeconds: limits.idleSeconds })
  expect(changed.updatedAt > updatedAt).toBe(true)
  await expect(say(7200)).rejects.toMatchObject({ code: 'precondition-failed' })
  const { id } = await register({ provider: 'colab' })
  const { items } = await owner.listSessions({ query: {} })
  const { secondsLeft } = items.find((session) => session.id === id)!
  expect(secondsLeft).toBeGreaterThan(3500)
  expect(secondsLeft).toBeLessThanOrEqual(3600)
  await expect(say(0, '*')).rejects.toMatchObject({
    code: 'request-invalid',
    faults: [{ pointer: '/sessionSeconds' }],
  })
})
