import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Secret } from '@baton/config'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepSecret } from './keep-secret.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-secret-'))
  file = path.join(folder, 'data', 'owner-token')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const modeOf = async () => (await stat(file)).mode & 0o777

test('a new secret is long, says what it is, and is kept for this user only', async () => {
  const secret = (await keepSecret(file, { prefix: 'baton_owner_' })).reveal()
  expect(secret).toMatch(/^baton_owner_[\w-]{43}$/)
  expect((await readFile(file, 'utf8')).trim()).toBe(secret)
  expect(await modeOf()).toBe(0o600)
  expect(await readdir(path.dirname(file))).toEqual(['owner-token'])
})

test('the kept one is the same the next time, and closed again where somebody opened it', async () => {
  const first = await keepSecret(file)
  await chmod(file, 0o644)
  expect((await keepSecret(file)).reveal()).toBe(first.reveal())
  expect(await modeOf()).toBe(0o600)
})

test('a given one replaces what was kept', async () => {
  await keepSecret(file)
  await keepSecret(file, { given: new Secret('of-my-own') })
  expect((await keepSecret(file)).reveal()).toBe('of-my-own')
})
