import { admitOwnerToken, authenticate } from '@baton/core'
import { openDatabase } from '@baton/db'
import { createTestDatabase } from '@baton/testing'
import { expect, test } from 'vitest'

test("replicas that start at once admit the operator's token once", async () => {
  const database = await createTestDatabase()
  const replicas = Array.from({ length: 6 }, () => openDatabase({ url: database.url }))
  const token = 'chosen-by-the-operator'
  await Promise.all(replicas.map((store) => admitOwnerToken(store, token)))
  const callers = await Promise.all(replicas.map((store) => authenticate(store, token)))
  expect(callers[0]).toMatchObject({ role: 'owner' })
  expect(new Set(callers.map((caller) => caller?.tokenId)).size).toBe(1)
  await Promise.all(replicas.map((store) => store.close()))
  await database.drop()
})
