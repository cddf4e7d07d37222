import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketLocationCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { integer, streamKey } from '@baton/random'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { sendRaw } from '../support/s3-request.ts'
import { filesIn, openS3World } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
const partBytes = 5 * 1024 * 1024

let world: S3World
let s3: S3Client
let buckets = 0

beforeAll(async () => {
  world = await openS3World()
  s3 = world.client
})
afterAll(() => world.close())

async function newBucket(): Promise<string> {
  const Bucket = `bucket-${buckets++}`
  await s3.send(new CreateBucketCommand({ Bucket }))
  return Bucket
}

async function put(Bucket: string, Key: string, value: string | Buffer | Readable = Key, more = {}) {
  const Body = typeof value === 'string' ? Buffer.from(value) : value
  return s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
}

async function get(Bucket: string, Key: string, more = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from(await Body!.transformToByteArray())
}

async function text(Bucket: string, Key: string): Promise<string> {
  return (await get(Bucket, Key)).toString()
}

/** Name of the error that a call fails with, or the call's status. */
async function outcome(call: Promise<{ $metadata: { httpStatusCode?: number } }>): Promise<string | number> {
  return call.then(
    ({ $metadata }) => $metadata.httpStatusCode!,
    (error: unknown) => (error as Error).name,
  )
}

describe('an object', () => {
  test('comes back with its bytes, headers, metadata and checksum', async () => {
    const Bucket = await newBucket()
    const bytes = randomBytes(300_000)
    const headers = {
      ContentType: 'image/png',
      CacheControl: 'no-cache',
      ContentDisposition: 'attachment',
      ContentEncoding: 'gzip',
      ContentLanguage: 'de',
      Metadata: { one: '1', 'two-words': 'two words' },
    }
    const written = await put(Bucket, 'key', bytes, { ...headers, ChecksumAlgorithm: 'SHA256' })
    expect(written.ETag).toBe(`"${md5(bytes)}"`)
    const read = await s3.send(new GetObjectCommand({ Bucket, Key: 'key', ChecksumMode: 'ENABLED' }))
    expect(read).toMatchObject({ ...headers, ETag: written.ETag, ContentLength: 300_000, AcceptRanges: 'bytes' })
    expect(read.ChecksumSHA256).toBe(createHash('sha256').update(bytes).digest('base64'))
    expect(sha256(await read.Body!.transformToByteArray())).toBe(sha256(bytes))
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'key' }))
    expect(head).toMatchObject({ ...headers, ETag: written.ETag, ContentLength: 300_000 })
  })

  test('may have any key, and none is a path', async () => {
    const Bucket = await newBucket()
    const keys = [
      'a',
      'a/b',
      'a/b/',
      '/',
      '//',
      '.',
      '..',
      '../../escape',
      'with space + plus % percent',
      "!*'()~_-.",
      'ä/€/😀',
      'q?x=1&y#z',
      '\\back',
      'k'.repeat(1024),
      '__proto__',
      'constructor',
    ]
    for (const key of keys) await put(Bucket, key)
    for (const key of keys) expect(await text(Bucket, key)).toBe(key)
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }))
    expect(Contents!.map(({ Key }) => Key)).toEqual(
      [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
    for (const name of await filesIn(world.directory)) expect(name).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('is replaced whole, and removed; its bytes go with it', async () => {
    const Bucket = await newBucket()
    const before = (await filesIn(world.directory)).length
    for (const value of ['one', 'two', '']) {
      await put(Bucket, 'key', value)
      expect(await text(Bucket, 'key')).toBe(value)
    }
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'key' }))
    expect(await outcome(s3.send(new DeleteObjectCommand({ Bucket, Key: 'key' })))).toBe(204)
    expect(await outcome(s3.send(new GetObjectCommand({ Bucket, Key: 'key' })))).toBe('NoSuchKey')
    expect(await outcome(s3.send(new HeadObjectCommand({ Bucket, Key: 'key' })))).toBe('NotFound')
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before))
  })

  test('streamed without its length known ahead arrives unframed', async () => {
    const Bucket = await newBucket()
    const bytes = randomBytes(3_000_000)
    const pieces = Array.from({ length: 300 }, (_, i) => bytes.subarray(i * 10_000, (i + 1) * 10_000))
    await put(Bucket, 'key', Readable.from(pieces), { ContentLength: bytes.length })
    expect(sha256(await get(Bucket, 'key'))).toBe(sha256(bytes))
  })

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'is refused with a wrong %s, and stored with the right one',
    async (algorithm) => {
      const Bucket = await newBucket()
      const field = `Checksum${algorithm}`
      const right = await put(Bucket, 'a', 'some bytes', { ChecksumAlgorithm: algorithm })
      const other = await put(Bucket, 'b', 'other bytes', { ChecksumAlgorithm: algorithm })
      const value = (from: object) => (from as Record<string, string>)[field]
      expect(value(right)).toBeTypeOf('string')
      const wrong = put(Bucket, 'c', 'some bytes', { ChecksumAlgorithm: algorithm, [field]: value(other) })
      expect(await outcome(wrong)).toBe('BadDigest')
      expect(await outcome(put(Bucket, 'd', 'some bytes', { [field]: value(right) }))).toBe(200)
      expect(await outcome(s3.send(new HeadObjectCommand({ Bucket, Key: 'c' })))).toBe('NotFound')
    },
  )

  test('that is not the announced MD5 or SHA-256 is refused', async () => {
    const url = `${world.server.url}/${await newBucket()}/key`
    const wrong = createHash('md5').update('other').digest('base64')
    const send = (more: object) => sendRaw({ method: 'PUT', url, body: 'some bytes', ...more })
    expect((await send({ headers: { 'content-md5': wrong } })).code).toBe('BadDigest')
    expect((await send({ headers: { 'content-md5': 'short' } })).code).toBe('InvalidDigest')
    expect((await send({ payloadHash: sha256(Buffer.from('other')) })).code).toBe('XAmzContentSHA256Mismatch')
    expect((await sendRaw({ method: 'GET', url })).code).toBe('NoSuchKey')
  })

  test('is copied with its headers and tags, or with others', async () => {
    const [from, to] = [await newBucket(), await newBucket()]
    await put(from, 'a key', 'value', { Metadata: { a: '1' }, Tagging: 't=1', ContentType: 'text/x' })
    const CopySource = `${from}/a%20key`
    await s3.send(new CopyObjectCommand({ Bucket: to, Key: 'same', CopySource }))
    const replace = { MetadataDirective: 'REPLACE', Metadata: { b: '2' } } as const
    await s3.send(new CopyObjectCommand({ Bucket: to, Key: 'other', CopySource, ...replace }))
    await s3.send(new CopyObjectCommand({ Bucket: from, Key: 'a key', CopySource, ...replace }))
    const head = (Bucket: string, Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key }))
    expect(await head(to, 'same')).toMatchObject({ Metadata: { a: '1' }, ContentType: 'text/x', TagCount: 1 })
    expect((await head(to, 'other')).Metadata).toEqual({ b: '2' })
    expect((await head(from, 'a key')).Metadata).toEqual({ b: '2' })
    expect([await text(to, 'same'), await text(from, 'a key')]).toEqual(['value', 'value'])
    const self = new CopyObjectCommand({ Bucket: from, Key: 'a key', CopySource })
    expect(await outcome(s3.send(self))).toBe('InvalidRequest')
    const none = new CopyObjectCommand({ Bucket: to, Key: 'x', CopySource: `${from}/none` })
    expect(await outcome(s3.send(none))).toBe('NoSuchKey')
  })

  test('carries tags and says its attributes', async () => {
    const Bucket = await newBucket()
    await put(Bucket, 'key', 'value')
    const TagSet = [{ Key: 'stage', Value: 'fine tuning' }]
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'key', Tagging: { TagSet } }))
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'key' }))).TagSet).toEqual(TagSet)
    await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: 'key' }))
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'key' }))).TagSet).toEqual([])
    const attributes = new GetObjectAttributesCommand({
      Bucket,
      Key: 'key',
      ObjectAttributes: ['ETag', 'ObjectSize', 'Checksum'],
    })
    expect(await s3.send(attributes)).toMatchObject({
      ETag: md5(Buffer.from('value')),
      ObjectSize: 5,
      Checksum: { ChecksumType: 'FULL_OBJECT' },
    })
  })

  test('is read to its end by who began, though it is replaced and removed meanwhile', async () => {
    const Bucket = await newBucket()
    const before = (await filesIn(world.directory)).length
    const bytes = randomBytes(3 * partBytes)
    await uploadInParts(Bucket, 'key', bytes)
    const read = async () => (await s3.send(new GetObjectCommand({ Bucket, Key: 'key' }))).Body as Readable
    const reading = await read()
    const first = ((await reading[Symbol.asyncIterator]().next()) as IteratorYieldResult<Buffer>).value
    await put(Bucket, 'key', 'new')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'key' }))
    const rest: Buffer[] = []
    for await (const chunk of reading as AsyncIterable<Buffer>) rest.push(chunk)
    expect(sha256(Buffer.concat([first, ...rest]))).toBe(sha256(bytes))
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before))
  })
})

describe('conditional writes', () => {
  test('of 24 that make an object, one wins, and its bytes are there', async () => {
    const Bucket = await newBucket()
    for (let round = 0; round < 5; round++) {
      const Key = `key-${round}`
      const writes = Array.from({ length: 24 }, (_, i) => outcome(put(Bucket, Key, `racer ${i}`, { IfNoneMatch: '*' })))
      const outcomes = await Promise.all(writes)
      expect(outcomes.filter((result) => result === 200)).toHaveLength(1)
      expect(outcomes.filter((result) => result === 'PreconditionFailed')).toHaveLength(23)
      expect(await text(Bucket, Key)).toBe(`racer ${outcomes.indexOf(200)}`)
    }
  })

  test('of 24 that replace the same version, one wins', async () => {
    const Bucket = await newBucket()
    const { ETag } = await put(Bucket, 'key', 'first')
    const writes = Array.from({ length: 24 }, (_, i) => outcome(put(Bucket, 'key', `racer ${i}`, { IfMatch: ETag })))
    const outcomes = await Promise.all(writes)
    expect(outcomes.filter((result) => result === 200)).toHaveLength(1)
    expect(await text(Bucket, 'key')).toBe(`racer ${outcomes.indexOf(200)}`)
    expect(await outcome(put(Bucket, 'none', 'x', { IfMatch: ETag }))).toBe('NoSuchKey')
  })

  test('of 24 unconditional ones all succeed, one stays, and no file is left over', async () => {
    const Bucket = await newBucket()
    const before = (await filesIn(world.directory)).length
    const bodies = Array.from({ length: 24 }, (_, i) => `racer ${i}`)
    await Promise.all(bodies.map((body) => put(Bucket, 'key', body)))
    expect(bodies).toContain(await text(Bucket, 'key'))
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before + 1))
  })
})

async function startUpload(Bucket: string, Key: string, more = {}): Promise<string> {
  return (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId!
}

async function uploadInParts(Bucket: string, Key: string, bytes: Buffer) {
  const UploadId = await startUpload(Bucket, Key)
  const Parts = []
  for (let start = 0, PartNumber = 1; start < bytes.length; start += partBytes, PartNumber++) {
    const Body = bytes.subarray(start, start + partBytes)
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
    Parts.push({ PartNumber, ETag })
  }
  return s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
}

describe('a multipart upload', () => {
  test('takes parts in any order and again, and uses those that are named', async () => {
    const Bucket = await newBucket()
    const before = (await filesIn(world.directory)).length
    const at = { Bucket, Key: 'key', UploadId: await startUpload(Bucket, 'key', { Metadata: { a: '1' } }) }
    const part = async (PartNumber: number, Body: Buffer) => {
      const { ETag } = await s3.send(new UploadPartCommand({ ...at, PartNumber, Body }))
      return { PartNumber, ETag }
    }
    const [first, last] = [randomBytes(partBytes), randomBytes(100)]
    const third = await part(3, last)
    await part(2, Buffer.from('never used'))
    await part(1, randomBytes(10))
    const Parts = [await part(1, first), third]
    expect((await s3.send(new ListPartsCommand(at))).Parts!.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, partBytes],
      [2, 10],
      [3, 100],
    ])
    expect(await outcome(s3.send(new HeadObjectCommand({ Bucket, Key: 'key' })))).toBe('NotFound')

    const complete = new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } })
    const { ETag } = await s3.send(complete)
    expect(ETag).toMatch(/^"[0-9a-f]{32}-2"$/)
    const read = await s3.send(new GetObjectCommand({ Bucket, Key: 'key' }))
    expect(read).toMatchObject({ Metadata: { a: '1' }, ETag, ContentLength: partBytes + 100 })
    expect(sha256(await read.Body!.transformToByteArray())).toBe(sha256(Buffer.concat([first, last])))
    expect((await s3.send(complete)).ETag).toBe(ETag)
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
    expect(Uploads ?? []).toEqual([])
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before + 2))
  })

  test('is read by ranges across its parts, and by part', async () => {
    const Bucket = await newBucket()
    const bytes = randomBytes(2 * partBytes + 1000)
    await uploadInParts(Bucket, 'key', bytes)
    for (const [first, last] of [
      [partBytes - 10, partBytes + 9],
      [0, 2 * partBytes + 999],
      [partBytes, partBytes],
      [2 * partBytes - 1, 2 * partBytes + 999],
    ] as const) {
      const range = await get(Bucket, 'key', { Range: `bytes=${first}-${last}` })
      expect(sha256(range)).toBe(sha256(bytes.subarray(first, last + 1)))
    }
    expect(sha256(await get(Bucket, 'key', { PartNumber: 3 }))).toBe(sha256(bytes.subarray(2 * partBytes)))
  })

  test('refuses what does not make an object', async () => {
    const Bucket = await newBucket()
    const at = { Bucket, Key: 'key', UploadId: await startUpload(Bucket, 'key') }
    const etags = []
    for (const PartNumber of [1, 2])
      etags.push((await s3.send(new UploadPartCommand({ ...at, PartNumber, Body: 'small' }))).ETag)
    const complete = (...parts: [number, string | undefined][]) => {
      const Parts = parts.map(([PartNumber, ETag]) => ({ PartNumber, ETag }))
      return outcome(s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } })))
    }
    expect(await complete([2, etags[1]], [1, etags[0]])).toBe('InvalidPartOrder')
    expect(await complete([1, etags[0]], [2, etags[1]])).toBe('EntityTooSmall')
    expect(await complete([1, 'other'])).toBe('InvalidPart')
    expect(await complete([3, etags[0]])).toBe('InvalidPart')
    expect(await complete()).toBe('MalformedXML')
    const elsewhere = { ...at, Key: 'other' }
    expect(await outcome(s3.send(new ListPartsCommand(elsewhere)))).toBe('NoSuchUpload')
    expect(await complete([1, etags[0]])).toBe(200)
  })

  test('that is aborted is gone with its parts', async () => {
    const Bucket = await newBucket()
    const before = (await filesIn(world.directory)).length
    const at = { Bucket, Key: 'key', UploadId: await startUpload(Bucket, 'key') }
    await s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: 'part' }))
    await s3.send(new AbortMultipartUploadCommand(at))
    expect(await outcome(s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: 'x' })))).toBe('NoSuchUpload')
    expect(await outcome(s3.send(new AbortMultipartUploadCommand(at)))).toBe('NoSuchUpload')
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before))
  })

  test('that is aborted and completed at once ends one way or the other', async () => {
    const Bucket = await newBucket()
    for (let round = 0; round < 10; round++) {
      const at = { Bucket, Key: `key-${round}`, UploadId: await startUpload(Bucket, `key-${round}`) }
      const { ETag } = await s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: 'part' }))
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
      const [completed] = await Promise.all([
        outcome(s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload }))),
        outcome(s3.send(new AbortMultipartUploadCommand(at))),
      ])
      expect(await outcome(s3.send(new HeadObjectCommand({ Bucket, Key: at.Key })))).toBe(
        completed === 200 ? 200 : 'NotFound',
      )
      if (completed === 200) expect(await text(Bucket, at.Key)).toBe('part')
    }
  })

  test('takes parts from other objects', async () => {
    const Bucket = await newBucket()
    const source = randomBytes(2 * partBytes)
    await uploadInParts(Bucket, 'source', source)
    const at = { Bucket, Key: 'key', UploadId: await startUpload(Bucket, 'key') }
    const copy = async (PartNumber: number, CopySourceRange: string) => {
      const command = new UploadPartCopyCommand({ ...at, PartNumber, CopySourceRange, CopySource: `${Bucket}/source` })
      return { PartNumber, ETag: (await s3.send(command)).CopyPartResult!.ETag }
    }
    const Parts = [await copy(1, `bytes=100-${partBytes + 99}`), await copy(2, 'bytes=0-9')]
    await s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } }))
    const expected = Buffer.concat([source.subarray(100, partBytes + 100), source.subarray(0, 10)])
    expect(sha256(await get(Bucket, 'key'))).toBe(sha256(expected))
  })
})

describe('a listing', () => {
  test('of 2,500 keys comes in pages, in order, each key once', async () => {
    const Bucket = await newBucket()
    const keys = Array.from({ length: 2500 }, (_, i) => `key-${String(i).padStart(5, '0')}`)
    await world.server.pool.query(
      `INSERT INTO s3_object (bucket, key, files, sizes, size_bytes, etag, headers, checksum, tags, modified_at)
       SELECT $1, key, '{}', '{}', 0, $3, '{}', '{"algorithm":"CRC32","type":"FULL_OBJECT","value":"AAAAAA=="}', '{}', now()
       FROM unnest($2::text[]) AS key`,
      [Bucket, keys, md5(Buffer.alloc(0))],
    )
    const pages: string[][] = []
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket }))
      pages.push(page.Contents!.map(({ Key }) => Key!))
    expect(pages.map((page) => page.length)).toEqual([1000, 1000, 500])
    expect(pages.flat()).toEqual(keys)
    for (let start = 0; start < keys.length; start += 1000) {
      const Objects = keys.slice(start, start + 1000).map((Key) => ({ Key }))
      const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
      expect(Deleted).toHaveLength(Objects.length)
    }
    await s3.send(new DeleteBucketCommand({ Bucket }))
  })

  test('is what sorting and grouping the keys makes, for any prefix, delimiter and page size', async () => {
    const Bucket = await newBucket()
    const alphabet = ['a', 'b', '/', '/', '-', 'é', '😀', '\uffff']
    const key = streamKey('s3 listing')
    let drawn = 0
    const below = (n: number) => integer(key, drawn++, n)
    const word = (length: number) => Array.from({ length }, () => alphabet[below(alphabet.length)]!).join('')
    const keys = [...new Set(Array.from({ length: 120 }, () => word(1 + below(6))))]
    await Promise.all(keys.map((name) => put(Bucket, name, '')))
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

    const reference = (prefix: string, delimiter: string) => {
      const entries = keys
        .filter((name) => name.startsWith(prefix))
        .map((name) => {
          const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
          return end < 0 ? name : `${name.slice(0, end + delimiter.length)} …`
        })
      return [...new Set(entries)]
    }
    for (let round = 0; round < 60; round++) {
      const [Prefix, Delimiter] = [word(below(3)), ['', '/', '-', '/a', 'é'][below(5)]!]
      const MaxKeys = 1 + below(20)
      const common = { Bucket, Prefix, MaxKeys, ...(Delimiter === '' ? {} : { Delimiter }) }
      const expected = reference(Prefix, Delimiter).sort()
      expect([common, (await listV2(common)).sort()]).toEqual([common, expected])
      expect([common, (await listV1(common)).sort()]).toEqual([common, expected])
    }
  })

  interface ListInput {
    readonly Bucket: string
    readonly Prefix?: string
    readonly Delimiter?: string
    readonly MaxKeys: number
  }

  interface ListPage {
    readonly Contents?: { readonly Key?: string | undefined }[] | undefined
    readonly CommonPrefixes?: { readonly Prefix?: string | undefined }[] | undefined
  }

  const entriesOf = ({ Contents = [], CommonPrefixes = [] }: ListPage) => [
    ...Contents.map(({ Key }) => Key!),
    ...CommonPrefixes.map(({ Prefix }) => `${Prefix} …`),
  ]

  async function listV2(input: ListInput): Promise<string[]> {
    const found: string[] = []
    for (let ContinuationToken: string | undefined; ;) {
      const more = ContinuationToken === undefined ? {} : { ContinuationToken }
      const page = await s3.send(new ListObjectsV2Command({ ...input, ...more }))
      expect(page.KeyCount).toBe(entriesOf(page).length)
      expect(page.KeyCount).toBeLessThanOrEqual(input.MaxKeys)
      found.push(...entriesOf(page))
      if (!page.IsTruncated) return found
      ContinuationToken = page.NextContinuationToken
    }
  }

  async function listV1(input: ListInput): Promise<string[]> {
    const found: string[] = []
    for (let Marker = ''; ;) {
      const page = await s3.send(new ListObjectsCommand({ ...input, Marker }))
      found.push(...entriesOf(page))
      if (!page.IsTruncated) return found
      Marker = page.NextMarker!
    }
  }

  test('begins after a given key and encodes names where asked', async () => {
    const Bucket = await newBucket()
    for (const name of ['a', 'b c', 'd+e/ü']) await put(Bucket, name)
    const list = async (more: object) => {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, ...more }))
      return (page.Contents ?? []).map(({ Key }) => Key)
    }
    expect(await list({ StartAfter: 'a' })).toEqual(['b c', 'd+e/ü'])
    expect(await list({ StartAfter: 'c' })).toEqual(['d+e/ü'])
    expect(await list({ EncodingType: 'url' })).toEqual(['a', 'b%20c', 'd%2Be/%C3%BC'])
    expect(await list({ MaxKeys: 0 })).toEqual([])
  })

  test('of uploads groups and pages as that of objects', async () => {
    const Bucket = await newBucket()
    const names = ['a', 'b/1', 'b/2', 'c', 'c', 'd/1', 'e']
    for (const name of names) await startUpload(Bucket, name)
    const found: string[] = []
    for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ;) {
      const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', MaxUploads: 2, ...marker }))
      const entries = [
        ...(page.Uploads ?? []).map(({ Key }) => Key!),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      ]
      expect(entries.length).toBeLessThanOrEqual(2)
      found.push(...entries)
      if (!page.IsTruncated) break
      marker = {
        KeyMarker: page.NextKeyMarker!,
        ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
      }
    }
    expect(found.sort()).toEqual(['a', 'b/', 'c', 'c', 'd/', 'e'])
  })
})

describe('a bucket', () => {
  test('is made once, found, and removed when it is empty', async () => {
    const Bucket = await newBucket()
    expect(await outcome(s3.send(new CreateBucketCommand({ Bucket })))).toBe('BucketAlreadyOwnedByYou')
    expect(await outcome(s3.send(new HeadBucketCommand({ Bucket })))).toBe(200)
    expect(await outcome(s3.send(new GetBucketLocationCommand({ Bucket })))).toBe(200)
    const { Buckets } = await s3.send(new ListBucketsCommand({}))
    expect(Buckets!.map(({ Name }) => Name)).toContain(Bucket)
    await put(Bucket, 'key')
    await startUpload(Bucket, 'unfinished')
    expect(await outcome(s3.send(new DeleteBucketCommand({ Bucket })))).toBe('BucketNotEmpty')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'key' }))
    expect(await outcome(s3.send(new DeleteBucketCommand({ Bucket })))).toBe(204)
    expect(await outcome(s3.send(new HeadBucketCommand({ Bucket })))).toBe('NotFound')
    expect(await outcome(put(Bucket, 'key'))).toBe('NoSuchBucket')
  })

  test('that is removed while objects are put ends empty or stays with them', async () => {
    for (let round = 0; round < 10; round++) {
      const Bucket = await newBucket()
      const [written, removed] = await Promise.all([
        outcome(put(Bucket, 'key', 'value')),
        outcome(s3.send(new DeleteBucketCommand({ Bucket }))),
      ])
      expect([
        [200, 'BucketNotEmpty'],
        ['NoSuchBucket', 204],
      ]).toContainEqual([written, removed])
      if (written === 200) expect(await text(Bucket, 'key')).toBe('value')
    }
  })
})
