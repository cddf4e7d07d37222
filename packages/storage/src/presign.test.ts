import { GetObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterEach, expect, test, vi } from 'vitest'
import { openBucket } from './bucket.ts'
import { presignGet } from './presign.ts'

afterEach(() => vi.useRealTimers())

const credentials = { accessKeyId: 'some/key', secretAccessKey: 'secret+of/it' }
const digest = '0123456789abcdef'.repeat(4)

test.each([
  ['a store under a path', { endpoint: 'http://127.0.0.1:8080/s3', forcePathStyle: true }],
  ['a store at a port of its own', { endpoint: 'https://store.example:9000', forcePathStyle: true }],
  ['a bucket in the host name', { endpoint: 'https://s3.eu-north-1.amazonaws.com', forcePathStyle: false }],
])('an address to read from is the one that the SDK makes: %s', async (_, place) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 28, 4, 5, 6, 789) })
  const bucket = openBucket({ ...place, region: 'eu-north-1', bucket: 'baton', credentials }, place.endpoint)
  const url = new URL(await presignGet(bucket, digest, 3600))
  const command = new GetObjectCommand({ Bucket: 'baton', Key: digest })
  const expected = new URL(await getSignedUrl(bucket.client, command, { expiresIn: 3600 }))
  expect(url.origin + url.pathname).toBe(expected.origin + expected.pathname)
  expect(Object.fromEntries(url.searchParams)).toEqual(Object.fromEntries(expected.searchParams))
  bucket.client.destroy()
})
