import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { startApi } from '@baton/api'
import type { RunningApi } from '@baton/api'
import { insertToken } from '@baton/core'
import { createLog } from '@baton/log'
import { createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const page = await readFile(new URL('../../docs/rest.md', import.meta.url), 'utf8')
/** What is typed, and what comes back: a block of each, one after the other. */
const examples = Array.from(page.matchAll(/```sh\n(.*?)```\s*```text\n(.*?)```/gs), ([, typed, said]) => [
  typed!,
  said!,
])
const hasPrograms = ['curl', 'jq'].every((program) => spawnSync(program, ['--version']).status === 0)

let world: World
let api: RunningApi
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  world = await createWorld()
  const log = createLog({ app: 'api', level: 'silent' })
  api = await startApi({ ...world, host: '127.0.0.1', port: 0, database: world.store, s3: null, log })
  const owner = await insertToken(world.store, { name: 'owner', role: 'owner', project: null, validSeconds: null })
  env = { ...process.env, BATON_URL: api.url, BATON_TOKEN: owner.token }
})
afterAll(async () => {
  await api.close()
  await world.close()
})

test('every example of docs/rest.md says what it answers', () => {
  expect(examples.length).toBeGreaterThan(5)
  expect(page.match(/```sh/g)).toHaveLength(examples.length)
})

describe.skipIf(!hasPrograms)('an example of docs/rest.md', () => {
  test.each(examples)('answers what it says: %s', async (typed, said) => {
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', typed], { env })
    expect(stdout).toBe(said)
  })
})
