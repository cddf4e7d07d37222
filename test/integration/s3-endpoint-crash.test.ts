import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { createS3Endpoint } from '@baton/s3-endpoint'
import type { S3Endpoint } from '@baton/s3-endpoint'
import { integer, streamKey } from '@baton/random'
import { runSql } from '@baton/testing'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { sendRaw, signRequest } from '../support/s3-request.ts'
import { filesIn, openS3World, s3Client } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

const bucket = 'bucket'
const hourMs = 3600_000
let world: S3World

beforeEach(async () => {
  world = await openS3World()
  await world.client.send(new CreateBucketCommand({ Bucket: bucket }))
})
afterEach(() => world.close())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function startHost(): Promise<{ child: ChildProcess; client: S3Client }> {
  const options = JSON.stringify({ databaseUrl: world.database.url, directory: world.directory })
  const child = fork(fileURLToPath(new URL('../support/s3-process.ts', import.meta.url)), [options])
  onTestFinished(() => void child.kill('SIGKILL'))
  const [url] = (await once(child, 'message')) as [string]
  const client = s3Client(url)
  onTestFinished(() => client.destroy())
  return { child, client }
}

async function listAll(): Promise<string[]> {
  const keys: string[] = []
  for await (const page of paginateListObjectsV2({ client: world.client }, { Bucket: bucket }))
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!))
  return keys
}

async function read(key: string): Promise<Buffer> {
  const { Body } = await world.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  return Buffer.from(await Body!.transformToByteArray())
}

/** An endpoint on the same database and files, at another time. */
function endpointAt(now: () => number, pool = world.server.pool) {
  const { directory } = world
  return createS3Endpoint({ pool, directory, credentials: [credentials], prefix: '/s3', region, now })
}

async function namedFiles(): Promise<string[]> {
  const rows = await runSql(
    world.database.url,
    'SELECT unnest(files)::text AS id FROM s3_object UNION ALL SELECT file::text FROM s3_part',
  )
  return rows.map(({ id }) => String(id)).sort()
}

/** Serves an endpoint; answers with the address of a key. */
async function serve(endpoint: S3Endpoint, key: string): Promise<string> {
  const server = createServer((req, res) => void endpoint.handle(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/s3/${bucket}/${key}`
}

test('a killed process loses no acknowledged object and shows no torn one', async () => {
  const key = streamKey('s3 kill')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const { child, client } = await startHost()
    const target = acknowledged.size + 10 + integer(key, round, 40)
    const write = async (writer: number) => {
      for (let i = 0; child.signalCode === null; i++) {
        const bytes = randomBytes(1 + integer(streamKey('size', round, writer), i, 300_000))
        const digest = sha256(bytes)
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: digest, Body: bytes }))
        acknowledged.add(digest)
        if (acknowledged.size >= target) child.kill('SIGKILL')
      }
    }
    const writers = Array.from({ length: 8 }, (_, i) => write(i))
    // Every writer ends with the connection that its process took along.
    const ends = await Promise.allSettled(writers)
    expect(ends.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
    expect(acknowledged.size).toBeGreaterThanOrEqual(target)
  }

  const keys = await listAll()
  for (const digest of acknowledged) expect(keys).toContain(digest)
  for (const digest of keys) expect(sha256(await read(digest))).toBe(digest)

  await endpointAt(() => Date.now() + 2 * hourMs).collectGarbage()
  expect((await filesIn(world.directory)).sort()).toEqual(await namedFiles())
  for (const digest of keys) expect(sha256(await read(digest))).toBe(digest)
})

test('of an object that is replaced while its process is killed, the last acknowledged version or a later one is there', async () => {
  const partBytes = 5 * 1024 * 1024
  const writers = 4
  /** Version by version, by writer: an object's first four bytes are its version, the rest follow from it. */
  const bytesOf = (version: number, sizeBytes: number) => {
    const bytes = Buffer.alloc(sizeBytes, version % 251)
    bytes.writeUInt32BE(version)
    return bytes
  }
  const acknowledged = Array.from({ length: writers }, () => 0)
  const begun = [...acknowledged]
  for (let round = 0; round < 4; round++) {
    const { child, client } = await startHost()
    const sum = () => acknowledged.reduce((total, version) => total + version, 0)
    const target = sum() + 12
    const write = async (writer: number) => {
      while (child.signalCode === null) {
        const version = ++begun[writer]!
        const Key = `replaced-${writer}`
        const Body = bytesOf(version, version % 3 === 0 ? partBytes + 1000 : 50_000)
        await new Upload({ client, params: { Bucket: bucket, Key, Body }, partSize: partBytes }).done()
        acknowledged[writer] = version
        if (sum() >= target) child.kill('SIGKILL')
      }
    }
    await Promise.allSettled(acknowledged.map((_, writer) => write(writer)))
    for (const [writer, version] of acknowledged.entries()) {
      const bytes = await read(`replaced-${writer}`)
      const found = bytes.readUInt32BE()
      expect(found).toBeGreaterThanOrEqual(version)
      expect(found).toBeLessThanOrEqual(begun[writer]!)
      expect(bytes.equals(bytesOf(found, bytes.length))).toBe(true)
    }
  }
  await endpointAt(() => Date.now() + 2 * hourMs).collectGarbage()
  expect((await filesIn(world.directory)).sort()).toEqual(await namedFiles())
})

test('a multipart upload goes on where a killed process left it', async () => {
  const bytes = randomBytes(3 * 5 * 1024 * 1024)
  const part = (n: number) => bytes.subarray((n - 1) * 5 * 1024 * 1024, n * 5 * 1024 * 1024)
  const first = await startHost()
  const { UploadId } = await first.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'key' }))
  const at = { Bucket: bucket, Key: 'key', UploadId }
  for (const PartNumber of [1, 2])
    await first.client.send(new UploadPartCommand({ ...at, PartNumber, Body: part(PartNumber) }))
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  const second = await startHost()
  const listed = (await second.client.send(new ListPartsCommand(at))).Parts!
  expect(listed.map(({ PartNumber }) => PartNumber)).toEqual([1, 2])
  const { ETag } = await second.client.send(new UploadPartCommand({ ...at, PartNumber: 3, Body: part(3) }))
  const Parts = [...listed.map((one) => ({ PartNumber: one.PartNumber, ETag: one.ETag })), { PartNumber: 3, ETag }]
  const complete = new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } })
  await second.client.send(complete)
  second.child.kill('SIGKILL')
  expect(sha256(await read('key'))).toBe(sha256(bytes))
  // The answer may have been lost with the process: asking again is answered the same.
  expect((await world.client.send(complete)).ETag).toMatch(/-3"$/)
})

test('garbage is what no row names and is older than an hour', async () => {
  await world.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'key', Body: 'value' }))
  const named = await filesIn(world.directory)
  const plant = async (id: string, ageMs: number) => {
    const path = join(world.directory, id.slice(0, 2), id)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, 'left by a crash')
    const time = new Date(Date.now() - ageMs)
    await utimes(path, time, time)
  }
  await plant('00000000-0000-4000-8000-000000000001', 2 * hourMs)
  await plant('ff000000-0000-4000-8000-000000000002', 2 * hourMs)
  await plant('ff000000-0000-4000-8000-000000000003', hourMs / 2)
  await plant('not-one-of-ours', 2 * hourMs)
  const kept = [...named, 'ff000000-0000-4000-8000-000000000003', 'not-one-of-ours'].sort()

  expect(await world.server.endpoint.collectGarbage()).toEqual({ removed: 2 })
  expect((await filesIn(world.directory)).sort()).toEqual(kept)
  expect(await world.server.endpoint.collectGarbage()).toEqual({ removed: 0 })
  expect((await read('key')).toString()).toBe('value')
})

test('garbage is not what is being written, however long that takes', async () => {
  const later = endpointAt(() => clock)
  let clock = Date.now()
  const url = await serve(later, 'slow')
  const bytes = randomBytes(2_000_000)
  let sendRest!: () => void
  const rest = new Promise<void>((resolve) => (sendRest = resolve))
  async function* slowly() {
    yield bytes.subarray(0, 1_500_000)
    await rest
    yield bytes.subarray(1_500_000)
  }
  const headers = signRequest({ method: 'PUT', url, payloadHash: sha256(bytes) })
  const sending = fetch(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': String(bytes.length) },
    body: slowly(),
    duplex: 'half',
  })
  await vi.waitFor(async () => expect(await filesIn(world.directory)).toHaveLength(1))
  clock += 24 * hourMs
  expect(await later.collectGarbage()).toEqual({ removed: 0 })
  sendRest()
  expect((await sending).status).toBe(200)
  expect(sha256(await read('slow'))).toBe(sha256(bytes))
})

test('uploads that nobody went on with for a week are garbage, with their parts', async () => {
  const begin = async (Key: string) => {
    const { UploadId } = await world.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
    const at = { Bucket: bucket, Key, UploadId }
    await world.client.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: 'part' }))
    return at
  }
  const at = await begin('key')
  expect(await endpointAt(() => Date.now() + 6 * 24 * hourMs).collectGarbage()).toEqual({ removed: 0 })
  expect((await world.client.send(new ListPartsCommand(at))).Parts).toHaveLength(1)
  expect(await endpointAt(() => Date.now() + 8 * 24 * hourMs).collectGarbage()).toEqual({ removed: 1 })
  await expect(world.client.send(new ListPartsCommand(at))).rejects.toMatchObject({ name: 'NoSuchUpload' })
})

test('an upload that was begun long ago and is still gone on with keeps all its parts', async () => {
  const { UploadId } = await world.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'key' }))
  const at = { Bucket: bucket, Key: 'key', UploadId }
  const Parts = []
  for (const PartNumber of [1, 2, 3]) {
    const Body = Buffer.alloc(5 * 1024 * 1024, PartNumber)
    const { ETag } = await world.client.send(new UploadPartCommand({ ...at, PartNumber, Body }))
    Parts.push({ PartNumber, ETag })
    await runSql(world.database.url, "UPDATE s3_upload SET created_at = created_at - interval '5 days'")
    await runSql(world.database.url, "UPDATE s3_part SET modified_at = modified_at - interval '5 days'")
    expect(await world.server.endpoint.collectGarbage()).toEqual({ removed: 0 })
  }
  await world.client.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } }))
  expect((await read('key')).length).toBe(15 * 1024 * 1024)
})

test('garbage is collected all the while others write, upload in parts and replace, and takes nothing of theirs', async () => {
  const key = streamKey('s3 gc')
  const stored = new Map<string, string>()
  let writing = true
  const write = async (writer: number) => {
    for (let round = 0; round < 12; round++) {
      const Key = `gc-${writer}-${integer(key, writer * 100 + round, 3)}`
      const inParts = round % 4 === 0
      const bytes = randomBytes(inParts ? 6 * 1024 * 1024 : 20_000)
      await (inParts
        ? new Upload({
            client: world.client,
            params: { Bucket: bucket, Key, Body: bytes },
            partSize: 5 * 1024 * 1024,
          }).done()
        : world.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: bytes })))
      stored.set(Key, sha256(bytes))
    }
  }
  const collect = async () => {
    while (writing) {
      // Old at once: only rows, and what the endpoint itself is writing, protect a file.
      for (const id of await filesIn(world.directory))
        await utimes(join(world.directory, id.slice(0, 2), id), 0, 0).catch(() => undefined)
      await world.server.endpoint.collectGarbage()
    }
  }
  const collecting = collect()
  await Promise.all([0, 1, 2, 3].map(write)).finally(() => (writing = false))
  await collecting
  for (const [name, digest] of stored) expect(sha256(await read(name))).toBe(digest)
  await vi.waitFor(async () => expect((await filesIn(world.directory)).sort()).toEqual(await namedFiles()))
})

test('a database that is cut off mid-way costs errors, never an acknowledged object', async () => {
  const acknowledged = new Set<string>()
  const statuses = new Set<number>()
  let stop = false
  const write = async () => {
    while (!stop) {
      const bytes = randomBytes(20_000)
      const url = `${world.server.url}/${bucket}/${sha256(bytes)}`
      const { status } = await sendRaw({ method: 'PUT', url, body: bytes })
      statuses.add(status)
      if (status === 200) acknowledged.add(sha256(bytes))
    }
  }
  const writers = Array.from({ length: 6 }, write)
  const cut =
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
  for (let round = 1; round <= 8; round++) {
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(round * 10), { timeout: 20_000 })
    await runSql(world.database.url, cut)
  }
  stop = true
  await Promise.all(writers)
  expect([...statuses].sort()).toEqual([200, 503])

  const keys = await listAll()
  for (const digest of acknowledged) expect(keys).toContain(digest)
  for (const digest of keys) expect(sha256(await read(digest))).toBe(digest)
  await endpointAt(() => Date.now() + 2 * hourMs).collectGarbage()
  expect((await filesIn(world.directory)).sort()).toEqual(await namedFiles())
})

test('a write whose answer is lost keeps its bytes: its row may be there', async () => {
  const { pool } = world.server
  const losing = new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name) as unknown
      return async (sql: string, values: unknown[]) => {
        const result = await target.query(sql, values)
        if (sql.startsWith('INSERT INTO s3_object')) throw new Error('Connection terminated unexpectedly')
        return result
      }
    },
  })
  const endpoint = endpointAt(Date.now, losing)
  const url = await serve(endpoint, 'key')
  expect((await sendRaw({ method: 'PUT', url, body: 'value' })).status).toBe(503)
  expect((await read('key')).toString()).toBe('value')
})

test('an object whose file is gone is an error, not other bytes', async () => {
  await world.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'key', Body: 'value' }))
  const [id] = await filesIn(world.directory)
  const url = `${world.server.url}/${bucket}/key`
  await writeFile(join(world.directory, id!.slice(0, 2), id!), '')
  expect((await sendRaw({ method: 'GET', url })).status).toBe(500)
})

test('an endpoint that is closed answers 503 after the requests in progress', async () => {
  const endpoint = endpointAt(Date.now)
  const url = await serve(endpoint, 'key')
  const inProgress = sendRaw({ method: 'PUT', url, body: randomBytes(2_000_000) })
  await vi.waitFor(async () => expect(await filesIn(world.directory)).toHaveLength(1))
  await endpoint.close()
  expect((await inProgress).status).toBe(200)
  expect((await sendRaw({ method: 'GET', url })).status).toBe(503)
})
