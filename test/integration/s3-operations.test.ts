import * as sdk from '@aws-sdk/client-s3'
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendRaw } from '../support/s3-request.ts'
import { openS3World, s3Client } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

/** The operations of S3 that the endpoint has. The SDK knows all there are; a new one of them fails here. */
const served = new Set([
  'AbortMultipartUpload',
  'CompleteMultipartUpload',
  'CopyObject',
  'CreateBucket',
  'CreateMultipartUpload',
  'DeleteBucket',
  'DeleteBucketTagging',
  'DeleteObject',
  'DeleteObjectTagging',
  'DeleteObjects',
  'GetBucketLocation',
  'GetBucketTagging',
  'GetBucketVersioning',
  'GetObject',
  'GetObjectAttributes',
  'GetObjectTagging',
  'HeadBucket',
  'HeadObject',
  'ListBuckets',
  'ListMultipartUploads',
  'ListObjects',
  'ListObjectsV2',
  'ListParts',
  'PutBucketTagging',
  'PutObject',
  'PutObjectTagging',
  'UploadPart',
  'UploadPartCopy',
])
const operations = Object.keys(sdk)
  .filter((name) => name.endsWith('Command') && name !== '$Command')
  .map((name) => name.slice(0, -'Command'.length))

interface Sent {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string | string[] | null>
}

/** Enough for every operation to be written as a request. */
const input = {
  Bucket: 'victim',
  Key: 'key',
  Id: 'id',
  AnnotationName: 'note',
  RenameSource: 'victim/key',
  RequestRoute: 'route',
  RequestToken: 'token',
}

let world: S3World
beforeAll(async () => {
  world = await openS3World()
  await world.client.send(new CreateBucketCommand({ Bucket: 'victim' }))
  await world.client.send(new PutObjectCommand({ Bucket: 'victim', Key: 'key', Body: 'value' }))
})
afterAll(() => world.close())

async function unchanged(): Promise<void> {
  const { Body } = await world.client.send(new GetObjectCommand({ Bucket: 'victim', Key: 'key' }))
  expect(await Body!.transformToString()).toBe('value')
}

/** The request that the SDK makes of an operation. */
async function requestOf(operation: string): Promise<Sent> {
  const client = s3Client(world.server.url)
  let sent: Sent | undefined
  const capture = () => async (args: { request: unknown }) => {
    sent = args.request as Sent
    throw new Error('not to be sent')
  }
  client.middlewareStack.add(capture as never, { step: 'finalizeRequest', priority: 'low' })
  const Command = (sdk as unknown as Record<string, new (input: object) => never>)[`${operation}Command`]!
  await expect(client.send(new Command(input))).rejects.toThrow('not to be sent')
  client.destroy()
  return sent!
}

test('the endpoint serves operations that exist', () => {
  expect([...served].filter((name) => !operations.includes(name))).toEqual([])
  expect(operations.length).toBeGreaterThan(100)
})

test.each(operations.filter((name) => !served.has(name)))(
  '%s is refused as not implemented, and changes nothing',
  async (operation) => {
    const { method, path, query } = await requestOf(operation)
    const parameters = Object.entries(query).map(([name, value]) => `${name}=${String(value ?? '')}`)
    const url = `${new URL(world.server.url).origin}${path}?${parameters.join('&')}`
    const answer = await sendRaw({ method, url, ...(method === 'GET' ? {} : { body: '' }) })
    expect([answer.status, answer.code]).toEqual([501, 'NotImplemented'])
    await unchanged()
  },
)

test.each([
  ['DELETE', '/victim?location', 405],
  ['DELETE', '/victim?versioning', 501],
  ['PUT', '/victim?location', 405],
  ['PUT', '/victim?uploads', 405],
  ['DELETE', '/victim?something-of-next-year', 501],
  ['DELETE', '/victim/key?something-of-next-year', 501],
  ['DELETE', '/victim/key?attributes', 405],
  ['PUT', '/victim/key?uploads', 405],
  ['POST', '/victim/key?something-of-next-year', 501],
])('%s %s does not fall back to the operation without the parameter', async (method, path, status) => {
  const body = method === 'DELETE' ? {} : { body: 'other' }
  expect((await sendRaw({ method, url: `${world.server.url}${path}`, ...body })).status).toBe(status)
  await unchanged()
})
