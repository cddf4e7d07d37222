import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { buffer, json, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

/** What storage does with an upload: takes it, refuses it, or hangs up in the middle. */
type Mood = 'take' | 'refuse' | 'hang up'

let server: Server
let url: string
let folder: string
let moods: Mood[]
let stored: Map<string, Buffer>
let addresses: string[]

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-upload-'))
  await writeFile(path.join(folder, 'index.mjs'), 'export const loss = () => null\n')
  stored = new Map()
  addresses = []
  server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

/** An API with a storage of changing mood; each address it gives is used once. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'PUT') return put(request, response)
  const body = (await json(request)) as { blobs?: { digest: string }[]; digest?: string }
  response.setHeader('content-type', 'application/json')
  if (!request.url!.endsWith('/uploads')) {
    const bundle = { digest: body.digest, sizeBytes: 1, files: ['index.mjs'], createdAt: '2026-11-25T03:37:50.202Z' }
    return void response.writeHead(201).end(JSON.stringify(bundle))
  }
  const items = body.blobs!.map(({ digest }) => {
    if (stored.has(digest)) return { digest, put: null }
    const address = `${url}/${digest}?X-Amz-Signature=hush-${addresses.length}`
    addresses.push(address)
    return { digest, put: { url: address, headers: { 'x-amz-checksum-sha256': 'sum' } } }
  })
  response.end(JSON.stringify({ items }))
}

async function put(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const mood = moods.shift()
  if (mood === 'hang up') return void request.socket.destroy()
  const bytes = await buffer(request)
  if (mood === 'refuse') return void response.writeHead(503).end()
  expect(request.headers).toMatchObject({ 'x-amz-checksum-sha256': 'sum', 'content-length': String(bytes.length) })
  stored.set(path.basename(new URL(request.url!, url).pathname), bytes)
  response.end()
}

async function push(): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, HOME: folder, BATON_URL: url, BATON_TOKEN: 'owner', BATON_PROJECT: 'first' }
  const child = spawn(process.execPath, [main, 'code', 'push', folder], { env })
  const exit = once(child, 'exit') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  return { code, stdout, stderr }
}

test('an upload that is cut and one that is refused are sent again, each time to an address of its own', async () => {
  moods = ['hang up', 'refuse', 'take']
  const { code, stdout, stderr } = await push()
  expect(code, stderr).toBe(0)
  expect([...stored.keys()]).toEqual([stdout.trim()])
  expect(new Set(addresses).size).toBe(3)
})

test('what storage holds already is not sent', async () => {
  moods = ['take']
  await push()
  expect((await push()).code).toBe(0)
  expect(addresses).toHaveLength(1)
})

test('storage that stays away is a problem in words without the address, which is a credential', async () => {
  moods = Array<Mood>(9).fill('hang up')
  const { code, stdout, stderr } = await push()
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/storage-unavailable[^]*storage did not answer/)
  expect(stderr).not.toContain('hush')
})
