import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Store } from '@baton/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownClient } from './own-client.ts'

const seen: (string | undefined)[] = []
const server = createServer((request, response) => {
  seen.push(request.headers.authorization)
  response.setHeader('content-type', 'application/json').end('{"items":[],"nextCursor":null}')
})
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => server.closeAllConnections())

test('a token is issued when the first call is made, and a new one once half its time is over', async () => {
  let now = 0
  let issued = 0
  const tokens = { insert: async () => ({ id: String(++issued), expiresAt: null }) }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = ownClient({ url, store: { tokens } as unknown as Store, now: () => now })
  expect(issued).toBe(0)

  await client.listProjects({ query: {} })
  now = 1_799_999
  await client.listProjects({ query: {} })
  now = 1_800_000
  await client.listProjects({ query: {} })

  expect(issued).toBe(2)
  expect(seen[0]).toMatch(/^Bearer baton_submitter_/)
  expect(seen[1]).toBe(seen[0])
  expect(seen[2]).not.toBe(seen[0])
})
