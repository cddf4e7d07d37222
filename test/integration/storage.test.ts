import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { ListMultipartUploadsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Blob } from '@baton/contracts'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { createTestDatabase } from '@baton/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { startProxy } from '../support/s3-proxy.ts'
import { startS3Server } from '../support/s3-server.ts'
import { findVersitygw, startVersitygw } from '../support/s3-versitygw.ts'

interface Place {
  readonly url: string
  readonly close: () => Promise<void>
}

async function embeddedPlace(directory: string): Promise<Place> {
  const database = await createTestDatabase()
  const server = await startS3Server(database.url, join(directory, 'objects'))
  const close = async () => {
    await server.close()
    await database.drop()
  }
  return { url: server.url, close }
}

describe('storage on the embedded endpoint', () => conformance(embeddedPlace))

const versitygw = findVersitygw()
describe.skipIf(versitygw === null)('storage on versitygw', () =>
  conformance((directory) => startVersitygw(versitygw!, directory)),
)

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const describeBytes = (bytes: Uint8Array): Blob => ({ digest: sha256(bytes), sizeBytes: bytes.byteLength })
const missing = 'f'.repeat(64)

function conformance(open: (directory: string) => Promise<Place>) {
  const bucket = 'objects'
  let directory: string
  let place: Place
  let blobs: S3BlobStore
  let direct: S3Client

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'baton-storage-'))
    place = await open(directory)
    blobs = s3BlobStore({ endpoint: place.url, region, bucket, credentials })
    direct = new S3Client({ endpoint: place.url, region, credentials, forcePathStyle: true })
    await blobs.ensureBucket()
  })
  afterAll(async () => {
    blobs.close()
    direct.destroy()
    await place.close()
    await rm(directory, { recursive: true })
  })
  afterEach(() => void vi.useRealTimers())

  /** Runs `make` as if it were that many seconds ago. */
  async function ago<T>(seconds: number, make: () => Promise<T>): Promise<T> {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - seconds * 1000 })
    const made = await make()
    vi.useRealTimers()
    return made
  }

  const put = ({ url, headers }: { url: string; headers: Record<string, string> }, body: Uint8Array) =>
    fetch(url, { method: 'PUT', headers, body })

  test('the bucket is made once, whoever asks and how often', async () => {
    const other = s3BlobStore({ endpoint: place.url, region, bucket: 'another', credentials })
    await Promise.all([other.ensureBucket(), other.ensureBucket(), other.ensureBucket()])
    await other.ensureBucket()
    expect(await other.stat(missing)).toBeNull()
    other.close()
  })

  test('what was written is read back, also when it is empty or written twice', async () => {
    for (const bytes of [randomBytes(100_000), Buffer.alloc(0)]) {
      expect(await blobs.write(bytes)).toEqual(describeBytes(bytes))
      expect(await blobs.write(bytes)).toEqual(describeBytes(bytes))
      expect(await blobs.stat(sha256(bytes))).toEqual({ sizeBytes: bytes.length })
      expect(sha256(await blobs.read(sha256(bytes), { maxBytes: bytes.length }))).toBe(sha256(bytes))
    }
  })

  test('what is not there has no size and cannot be read', async () => {
    expect(await blobs.stat(missing)).toBeNull()
    await expect(blobs.read(missing, { maxBytes: 1 })).rejects.toMatchObject({
      code: 'blob-missing',
      facts: { digests: [missing] },
    })
  })

  test('an object above the limit is not read', async () => {
    const { digest } = await blobs.write(randomBytes(1001))
    await expect(blobs.read(digest, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'payload-too-large' })
  })

  test('bytes that are not those of the digest are not given out', async () => {
    const digest = sha256(Buffer.from('said'))
    await direct.send(new PutObjectCommand({ Bucket: bucket, Key: digest, Body: 'sent' }))
    await expect(blobs.read(digest, { maxBytes: 100 })).rejects.toMatchObject({ code: 'digest-mismatch' })
  })

  describe('an address to read from', () => {
    test('gives the object and ranges of it', async () => {
      const bytes = randomBytes(5000)
      const url = await blobs.presignGet((await blobs.write(bytes)).digest, { expiresSeconds: 60 })
      const read = async (range?: string) => {
        const response = await fetch(url, range === undefined ? {} : { headers: { range } })
        return [response.status, Buffer.from(await response.arrayBuffer())]
      }
      expect(await read()).toEqual([200, bytes])
      expect(await read('bytes=1000-1999')).toEqual([206, bytes.subarray(1000, 2000)])
      expect(await read('bytes=4990-')).toEqual([206, bytes.subarray(4990)])
      expect(await read('bytes=-10')).toEqual([206, bytes.subarray(4990)])
      expect((await read('bytes=5000-'))[0]).toBe(416)
    })

    test('ends, and holds for nothing else', async () => {
      const [one, two] = [await blobs.write(randomBytes(10)), await blobs.write(randomBytes(10))]
      const url = await blobs.presignGet(one.digest, { expiresSeconds: 60 })
      const expired = await ago(61, () => blobs.presignGet(one.digest, { expiresSeconds: 60 }))
      const tampered = url.replace(/(X-Amz-Signature=)(.)/, (_, name, digit) => `${name}${digit === '0' ? '1' : '0'}`)
      const statuses = await Promise.all(
        [expired, tampered, url.replace(one.digest, two.digest)].map(async (at) => (await fetch(at)).status),
      )
      expect(statuses).toEqual([403, 403, 403])
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
      expect((await fetch(await blobs.presignGet(missing, { expiresSeconds: 60 }))).status).toBe(404)
    })
  })

  describe('an address to write to', () => {
    const address = (blob: Blob) => blobs.presignPut(blob, { expiresSeconds: 60 })

    test('takes exactly the object, once or often', async () => {
      for (const bytes of [randomBytes(300_000), randomBytes(0)]) {
        const to = await address(describeBytes(bytes))
        expect((await put(to, bytes)).status).toBe(200)
        expect((await put(to, bytes)).status).toBe(200)
        expect(sha256(await blobs.read(sha256(bytes), { maxBytes: bytes.length }))).toBe(sha256(bytes))
      }
    })

    test('refuses other bytes and keeps what was there', async () => {
      const bytes = randomBytes(1000)
      const to = await address(describeBytes(bytes))
      const refused = async (other: Uint8Array, headers = to.headers) => {
        const { status } = await put({ url: to.url, headers }, other)
        expect(status).toBeGreaterThanOrEqual(400)
        expect(status).toBeLessThan(500)
      }
      const otherBytes = randomBytes(1000)
      const attempts = async () => {
        await refused(otherBytes)
        await refused(bytes.subarray(0, 999))
        await refused(Buffer.concat([bytes, Buffer.from('x')]))
        // Neither a checksum of one's own nor none at all opens it.
        await refused(otherBytes, {
          'x-amz-checksum-sha256': Buffer.from(sha256(otherBytes), 'hex').toString('base64'),
        })
        await refused(otherBytes, {})
      }
      await attempts()
      expect(await blobs.stat(sha256(bytes))).toBeNull()
      expect((await put(to, bytes)).status).toBe(200)
      await attempts()
      expect(sha256(await blobs.read(sha256(bytes), { maxBytes: 1000 }))).toBe(sha256(bytes))
    })

    test('ends, and holds for nothing else', async () => {
      const bytes = randomBytes(10)
      const blob = describeBytes(bytes)
      const to = await address(blob)
      const expired = await ago(61, () => address(blob))
      expect((await put(expired, bytes)).status).toBe(403)
      expect((await put({ ...to, url: to.url.replace(blob.digest, missing) }, bytes)).status).toBe(403)
      expect((await put({ ...to, url: to.url.replace(/.$/, '') }, bytes)).status).toBe(403)
      expect(await blobs.stat(blob.digest)).toBeNull()
    })

    test('is not made for what one request cannot carry', async () => {
      await expect(address({ digest: missing, sizeBytes: 5 * 1024 ** 3 + 1 })).rejects.toMatchObject({
        code: 'payload-too-large',
      })
    })

    test('begins with the address that others reach the store by', async () => {
      const facing = s3BlobStore({
        endpoint: place.url,
        publicEndpoint: 'https://public.example/s3',
        region,
        bucket,
        credentials,
      })
      const blob = describeBytes(Buffer.from('x'))
      expect((await facing.presignPut(blob, { expiresSeconds: 60 })).url).toMatch(/^https:\/\/public\.example\/s3\//)
      expect(await facing.presignGet(blob.digest, { expiresSeconds: 60 })).toMatch(/^https:\/\/public\.example\/s3\//)
      expect(await facing.write(Buffer.from('x'))).toEqual(blob)
      facing.close()
    })
  })

  describe('a file', () => {
    test.each([
      ['in one request', 1_000_000],
      ['in parts', 40 * 1024 * 1024 + 1],
      ['of nothing', 0],
    ])('is stored %s', async (_, size) => {
      const bytes = randomBytes(size)
      const path = join(directory, 'file')
      await writeFile(path, bytes)
      expect(await blobs.writeFile(path)).toEqual(describeBytes(bytes))
      expect(await blobs.writeFile(path)).toEqual(describeBytes(bytes))
      const stored = await blobs.read(sha256(bytes), { maxBytes: size })
      expect(sha256(stored)).toBe(sha256(bytes))
    })

    test('that changes while it is stored is refused, and leaves nothing behind', async () => {
      const bytes = randomBytes(20 * 1024 * 1024)
      const path = join(directory, 'changing')
      await writeFile(path, bytes)
      // Between its two readings of the file, storage asks whether the object is there.
      const proxy = await startProxy(place.url, async ({ method }) => {
        if (method === 'HEAD') await writeFile(path, Buffer.from(bytes).fill('x', 0, 1))
      })
      const behind = s3BlobStore({ endpoint: proxy.url, region, bucket, credentials })
      await expect(behind.writeFile(path)).rejects.toMatchObject({ code: 'digest-mismatch' })
      behind.close()
      proxy.close()
      expect(await blobs.stat(sha256(bytes))).toBeNull()
      await vi.waitFor(async () => {
        const { Uploads } = await direct.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
        expect(Uploads ?? []).toEqual([])
      })
    })

    test('whose sending breaks off is a failure, and can be stored later', async () => {
      const bytes = randomBytes(20 * 1024 * 1024)
      const path = join(directory, 'broken-off')
      await writeFile(path, bytes)
      const proxy = await startProxy(place.url, async (req) => {
        if (req.url!.includes('uploadId')) req.destroy()
      })
      const behind = s3BlobStore({ endpoint: proxy.url, region, bucket, credentials })
      await expect(behind.writeFile(path)).rejects.toMatchObject({ code: 'storage-unavailable' })
      behind.close()
      proxy.close()
      expect(await blobs.stat(sha256(bytes))).toBeNull()
      expect(await blobs.writeFile(path)).toEqual(describeBytes(bytes))
    })
  })

  test('removed objects are gone, and those that never were are passed over', async () => {
    const written = await Promise.all(Array.from({ length: 5 }, () => blobs.write(randomBytes(10))))
    const kept = await blobs.write(randomBytes(10))
    const unknown = Array.from({ length: 1200 }, () => randomBytes(32).toString('hex'))
    await blobs.remove([...unknown, ...written.map(({ digest }) => digest)])
    expect(await Promise.all(written.map(({ digest }) => blobs.stat(digest)))).toEqual(written.map(() => null))
    expect(await blobs.stat(kept.digest)).toEqual({ sizeBytes: 10 })
    await blobs.remove([])
  })

  describe('a store that cannot be used', () => {
    test.each([
      ['does not answer', () => ({ endpoint: 'http://127.0.0.1:1' })],
      ['does not know us', () => ({ credentials: { ...credentials, secretAccessKey: 'wrong-secret-of-ours' } })],
      ['has no such bucket', () => ({ bucket: 'never-made' })],
    ])('because it %s is named so, without a secret', async (_, options) => {
      const broken = s3BlobStore({ endpoint: place.url, region, bucket, credentials, ...options() })
      const attempts = [
        () => broken.write(Buffer.from('x')),
        () => broken.remove([missing]),
        () => broken.read(missing, { maxBytes: 1 }),
      ]
      for (const attempt of attempts) {
        const error: unknown = await attempt().then(
          () => null,
          (reason: unknown) => reason,
        )
        expect(error).toMatchObject({ code: 'storage-unavailable' })
        const shown = inspect(error, { depth: 10, showHidden: true })
        for (const secret of ['wrong-secret-of-ours', credentials.secretAccessKey, 'Credential='])
          expect(shown).not.toContain(secret)
      }
      broken.close()
    })
  })
}
