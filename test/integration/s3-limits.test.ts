import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { createTestDatabase } from '@baton/testing'
import { expect, onTestFinished, test } from 'vitest'
import { sendRaw, signRequest } from '../support/s3-request.ts'
import { startS3Server } from '../support/s3-server.ts'
import { filesIn, s3Client } from '../support/s3-world.ts'

const MiB = 1024 * 1024

/** An endpoint with limits of its own and a bucket. */
async function openLimited(limits: { objectMaxBytes?: number; bucketMaxBytes?: number }) {
  const database = await createTestDatabase()
  const directory = await mkdtemp(join(tmpdir(), 'baton-s3-limits-'))
  const server = await startS3Server(database.url, directory, { limits })
  const client = s3Client(server.url)
  onTestFinished(async () => {
    client.destroy()
    await server.close()
    await database.drop()
    await rm(directory, { recursive: true, force: true })
  })
  await client.send(new CreateBucketCommand({ Bucket: 'bucket' }))
  return { client, url: `${server.url}/bucket`, files: () => filesIn(directory) }
}

const put = (client: S3Client, Key: string, sizeBytes: number) =>
  client.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: Buffer.alloc(sizeBytes, Key) }))

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => (error as Error).name,
  )
}

async function startUpload(client: S3Client, Key: string) {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: 'bucket', Key }))
  const at = { Bucket: 'bucket', Key, UploadId }
  const part = (PartNumber: number, sizeBytes: number) =>
    client.send(new UploadPartCommand({ ...at, PartNumber, Body: Buffer.alloc(sizeBytes, PartNumber) }))
  return { at, part }
}

test('an object above the limit is refused before its bytes arrive, in one body, in parts or copied', async () => {
  const { client, url, files } = await openLimited({ objectMaxBytes: 6 * MiB })
  expect(await codeOf(put(client, 'fits', 6 * MiB))).toBe('ok')

  const headers = signRequest({ method: 'PUT', url: `${url}/large`, payloadHash: 'UNSIGNED-PAYLOAD' })
  const sent = httpRequest(`${url}/large`, { method: 'PUT', headers: { ...headers, 'content-length': 6 * MiB + 1 } })
  sent.flushHeaders()
  const [response] = (await once(sent, 'response')) as [{ statusCode: number }]
  expect(response.statusCode).toBe(400)
  sent.destroy()

  const { at, part } = await startUpload(client, 'parts')
  const { ETag } = await part(1, 5 * MiB)
  expect(await codeOf(part(2, MiB + 1))).toBe('EntityTooLarge')
  const copied = { ...at, PartNumber: 2, CopySource: 'bucket/fits' }
  expect(await codeOf(client.send(new UploadPartCopyCommand(copied)))).toBe('EntityTooLarge')
  expect(await codeOf(part(1, 6 * MiB))).toBe('ok')
  expect(await codeOf(part(1, 5 * MiB))).toBe('ok')
  const second = await part(2, MiB)
  const Parts = [
    { PartNumber: 1, ETag },
    { PartNumber: 2, ETag: second.ETag },
  ]
  const complete = new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } })
  expect(await codeOf(client.send(complete))).toBe('ok')
  expect(await files()).toHaveLength(3)
})

test('parts that arrive at once make no object above the limit', async () => {
  const { client } = await openLimited({ objectMaxBytes: 7 * MiB })
  const { at, part } = await startUpload(client, 'key')
  const parts = await Promise.allSettled([part(1, 5 * MiB), part(2, 5 * MiB)])
  const Parts = parts.flatMap((one, i) =>
    one.status === 'fulfilled' ? [{ PartNumber: i + 1, ETag: one.value.ETag }] : [],
  )
  const complete = client.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } }))
  expect(await codeOf(complete)).toBe(Parts.length === 2 ? 'EntityTooLarge' : 'ok')
})

test('a bucket takes what its quota leaves, whatever way it comes, and more once something is removed', async () => {
  const { client, files } = await openLimited({ bucketMaxBytes: 10 * MiB })
  await put(client, 'first', 4 * MiB)
  const { at, part } = await startUpload(client, 'parts')
  await part(1, 5 * MiB)
  const before = await files()
  expect(await codeOf(put(client, 'second', MiB + 1))).toBe('QuotaExceeded')
  expect(await codeOf(part(2, MiB + 1))).toBe('QuotaExceeded')
  const copy = () => client.send(new CopyObjectCommand({ Bucket: 'bucket', Key: 'copy', CopySource: 'bucket/first' }))
  expect(await codeOf(copy())).toBe('QuotaExceeded')
  expect(await files()).toEqual(before)
  expect(await codeOf(put(client, 'second', MiB))).toBe('ok')

  await client.send(new AbortMultipartUploadCommand(at))
  expect(await codeOf(copy())).toBe('ok')
  await client.send(new DeleteObjectCommand({ Bucket: 'bucket', Key: 'first' }))
  expect(await codeOf(put(client, 'third', 5 * MiB))).toBe('ok')
})

test('writers that race for the last room never go beyond the quota together', async () => {
  const { client } = await openLimited({ bucketMaxBytes: 10 * MiB })
  const codes = await Promise.all(Array.from({ length: 24 }, (_, i) => codeOf(put(client, `racer-${i}`, MiB))))
  expect(codes.filter((code) => code === 'ok').length).toBeLessThanOrEqual(10)
  expect(codes.filter((code) => code !== 'ok' && code !== 'QuotaExceeded')).toEqual([])
  while ((await codeOf(put(client, randomBytes(8).toString('hex'), MiB))) === 'ok') continue
  expect(await codeOf(put(client, 'one byte', 1))).toBe('QuotaExceeded')
})

test.each([
  ['a key of 1,025 bytes', `/${'k'.repeat(1025)}`, {}, 'KeyTooLongError'],
  ['metadata of 2,049 bytes', '/key', { 'x-amz-meta-a': 'a'.repeat(2048) }, 'MetadataTooLarge'],
  ['eleven tags', '/key', { 'x-amz-tagging': Array.from({ length: 11 }, (_, i) => `t${i}=1`).join('&') }, 'BadRequest'],
] as const)('%s is refused by its own error, and nothing is stored', async (_, path, headers, code) => {
  const { url, files } = await openLimited({})
  expect((await sendRaw({ method: 'PUT', url: `${url}${path}`, body: 'x', headers })).code).toBe(code)
  expect(await files()).toEqual([])
})

test('a part has a number from 1 to 10,000', async () => {
  const { client } = await openLimited({})
  const { part } = await startUpload(client, 'key')
  expect(await codeOf(part(10_000, 1))).toBe('ok')
  for (const number of [0, 10_001]) expect(await codeOf(part(number, 1))).toBe('InvalidArgument')
})
