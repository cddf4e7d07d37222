import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { integer, streamKey } from '@baton/random'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { credentials } from '../support/s3-credentials.ts'
import { sendRaw, signRequest } from '../support/s3-request.ts'
import { filesIn, openS3World } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'

const bucket = 'victim'
let world: S3World
let base: string

beforeAll(async () => {
  world = await openS3World()
  base = `${world.server.url}/${bucket}`
  await world.client.send(new CreateBucketCommand({ Bucket: bucket }))
  await world.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'key', Body: 'value' }))
})
afterAll(() => world.close())

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function exists(key: string): Promise<boolean> {
  return world.client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    () => false,
  )
}

describe('without a valid signature', () => {
  test.each(['GET', 'PUT', 'DELETE', 'POST', 'HEAD', 'OPTIONS', 'PATCH'])(
    '%s changes and tells nothing',
    async (method) => {
      for (const path of ['', '?list-type=2', '/key', '/other']) {
        const response = await fetch(`${base}${path}`, { method, ...(method === 'PUT' ? { body: 'x' } : {}) })
        expect([403, 405]).toContain(response.status)
        expect(await response.text()).not.toContain('value')
      }
      expect([await exists('key'), await exists('other')]).toEqual([true, false])
    },
  )

  test('an answer holds no secret', async () => {
    const signed = signRequest({ method: 'GET', url: `${base}/key` })
    const attempts = [signed, { ...signed, 'x-amz-date': '20200101T000000Z' }, { ...signed, 'x-amz-acl': 'private' }]
    const bodies = await Promise.all(
      attempts.map(async (headers) => (await fetch(`${base}/other`, { headers })).text()),
    )
    for (const body of bodies) {
      expect(body).toContain('<Error>')
      expect(body).not.toContain(credentials.secretAccessKey)
    }
  })
})

describe('a malformed request', () => {
  const document = (body: string) => ({ method: 'POST', body })
  test.each([
    ['a path that cannot be decoded', { method: 'GET', path: '/%zz' }, 400],
    ['a path that is not UTF-8', { method: 'GET', path: '/%ff%fe' }, 400],
    ['a NUL in the key', { method: 'PUT', path: '/a%00b', body: 'x' }, 400],
    ['a NUL in a parameter', { method: 'GET', path: '?list-type=2&prefix=%00' }, 400],
    ['a key of 1,025 bytes', { method: 'PUT', path: `/${'k'.repeat(1025)}`, body: 'x' }, 400],
    ['a page size that is no number', { method: 'GET', path: '?list-type=2&max-keys=ten' }, 400],
    ['a negative page size', { method: 'GET', path: '?list-type=2&max-keys=-1' }, 400],
    ['a page size beyond any integer', { method: 'GET', path: '?max-keys=99999999999999999999' }, 400],
    ['a made-up continuation token', { method: 'GET', path: '?list-type=2&continuation-token=%2B%2B' }, 400],
    ['an empty continuation token', { method: 'GET', path: '?list-type=2&continuation-token=' }, 400],
    ['an unknown encoding', { method: 'GET', path: '?encoding-type=base64' }, 400],
    ['an upload that is no UUID', { method: 'GET', path: "/key?uploadId='%20OR%201=1--" }, 404],
    ['a part number of nothing', { method: 'PUT', path: '/key?uploadId=x&partNumber=', body: 'x' }, 400],
    ['a part without an upload', { method: 'PUT', path: '/key?partNumber=1', body: 'x' }, 400],
    ['an unknown version', { method: 'GET', path: '/key?versionId=1' }, 400],
    ['a bad MD5', { method: 'PUT', path: '/other', body: 'x', headers: { 'content-md5': '!' } }, 400],
    [
      'an unknown checksum',
      { method: 'PUT', path: '/other', body: 'x', headers: { 'x-amz-checksum-rot13': 'eA==' } },
      400,
    ],
    [
      'two checksums',
      {
        method: 'PUT',
        path: '/other',
        body: 'x',
        headers: { 'x-amz-checksum-crc32': 'jNzhlw==', 'x-amz-checksum-md5': 'a' },
      },
      400,
    ],
    ['a copy of nothing', { method: 'PUT', path: '/other', headers: { 'x-amz-copy-source': '' } }, 400],
    [
      'a copy source that cannot be decoded',
      { method: 'PUT', path: '/other', headers: { 'x-amz-copy-source': '/a%zz/b' } },
      400,
    ],
    [
      'a copy source with a NUL',
      { method: 'PUT', path: '/other', headers: { 'x-amz-copy-source': '/victim/a%00' } },
      400,
    ],
    [
      'tags that cannot be decoded',
      { method: 'PUT', path: '/other', body: 'x', headers: { 'x-amz-tagging': '%' } },
      400,
    ],
    [
      'metadata of 3 KiB',
      { method: 'PUT', path: '/other', body: 'x', headers: { 'x-amz-meta-a': 'a'.repeat(3000) } },
      400,
    ],
    ['a header that would be forged', { method: 'GET', path: '/key?response-content-type=a%0D%0Ab' }, 400],
    ['an empty list to delete', { ...document('<Delete></Delete>'), path: '?delete' }, 400],
    ['a list to delete that is no XML', { ...document('{}'), path: '?delete' }, 400],
    ['an entity bomb', { ...document('<!DOCTYPE a [<!ENTITY b "bb">]><Delete>&b;</Delete>'), path: '?delete' }, 400],
    [
      'a key with a NUL to delete',
      { ...document('<Delete><Object><Key>&#0;</Key></Object></Delete>'), path: '?delete' },
      400,
    ],
    [
      '1,001 keys to delete',
      { ...document(`<Delete>${'<Object><Key>k</Key></Object>'.repeat(1001)}</Delete>`), path: '?delete' },
      400,
    ],
    ['9 MiB of XML', { ...document(' '.repeat(9 * 1024 * 1024)), path: '?delete' }, 400],
    ['XML that is not UTF-8', { method: 'POST', body: Buffer.from([0x3c, 0xff, 0xfe]), path: '?delete' }, 400],
    [
      'encryption',
      { method: 'PUT', path: '/other', body: 'x', headers: { 'x-amz-server-side-encryption': 'AES256' } },
      501,
    ],
    ['a public object', { method: 'PUT', path: '/other', body: 'x', headers: { 'x-amz-acl': 'public-read' } }, 501],
    ['a policy', { method: 'PUT', path: '?policy', body: '{}' }, 501],
    ['versions', { method: 'GET', path: '?versions' }, 501],
    ['a form upload', { method: 'POST', path: '', body: 'x' }, 501],
    ['an unknown method', { method: 'PATCH', path: '/key', body: 'x' }, 405],
  ] as const)('with %s is refused', async (_, { path, ...request }, status) => {
    const answer = await sendRaw({ ...request, url: `${base}${path}` })
    expect([answer.status, answer.code]).toEqual([status, expect.any(String)])
    expect([await exists('key'), await exists('other')]).toEqual([true, false])
  })

  test('with 5 GiB announced is refused before it is sent', async () => {
    const url = new URL(`${base}/other`)
    const headers = signRequest({ method: 'PUT', url: url.href, payloadHash: 'UNSIGNED-PAYLOAD' })
    const sent = httpRequest(url, { method: 'PUT', headers: { ...headers, 'content-length': 5 * 1024 ** 3 + 1 } })
    sent.flushHeaders()
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(400)
    sent.destroy()
  })

  test('with no length is refused', async () => {
    const url = new URL(`${base}/other`)
    const headers = signRequest({ method: 'PUT', url: url.href, payloadHash: 'UNSIGNED-PAYLOAD' })
    const sent = httpRequest(url, { method: 'PUT', headers: { ...headers, 'transfer-encoding': 'chunked' } })
    sent.end('some bytes')
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(411)
  })

  test.each([
    ['broken framing', 'zz\r\nhello\r\n0\r\n\r\n', 'IncompleteBody'],
    ['a chunk that is too short', '5\r\nhel', 'IncompleteBody'],
    ['more than was announced', '8\r\nhello!!!\r\n0\r\n\r\n', 'IncompleteBody'],
    ['less than was announced', '4\r\nhell\r\n0\r\n\r\n', 'IncompleteBody'],
    ['a wrong checksum behind it', '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', 'BadDigest'],
    ['a checksum that is none', '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:zz\r\n\r\n', 'InvalidRequest'],
    ['another trailer', '5\r\nhello\r\n0\r\nx-amz-other:1\r\n\r\n', 'MalformedTrailerError'],
  ])('of a chunked body with %s is refused', async (_, body, code) => {
    const headers = { 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32' }
    const payloadHash = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
    const answer = await sendRaw({ method: 'PUT', url: `${base}/other`, body, headers, payloadHash })
    expect(answer.code).toBe(code)
    expect(await exists('other')).toBe(false)
  })
})

test('no request, however mangled, breaks the endpoint', async () => {
  const own = `${world.server.url}/mangled`
  await world.client.send(new CreateBucketCommand({ Bucket: 'mangled' }))
  const key = streamKey('s3 fuzz')
  let drawn = 0
  const below = (n: number) => integer(key, drawn++, n)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!
  const strange = [
    '',
    '%',
    '%00',
    '%ff',
    '\u0001',
    '🦊',
    '-1',
    '1e9',
    'null',
    '../..',
    ' ',
    '"',
    '<a>',
    "';--",
    'a'.repeat(2000),
  ]
  const parameters = [
    'uploads',
    'uploadId',
    'partNumber',
    'delete',
    'tagging',
    'attributes',
    'location',
    'list-type',
    'prefix',
    'delimiter',
    'max-keys',
    'marker',
    'continuation-token',
    'start-after',
    'key-marker',
    'upload-id-marker',
    'encoding-type',
    'versionId',
    'response-expires',
    'X-Amz-Expires',
    'acl',
  ]
  const headers = [
    'range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'x-amz-copy-source',
    'x-amz-copy-source-range',
    'x-amz-tagging',
    'x-amz-checksum-sha256',
    'x-amz-sdk-checksum-algorithm',
    'x-amz-checksum-algorithm',
    'x-amz-checksum-type',
    'x-amz-trailer',
    'x-amz-decoded-content-length',
    'content-md5',
    'x-amz-meta-a',
    'x-amz-mp-object-size',
    'x-amz-metadata-directive',
    'content-encoding',
  ]
  const bodies = [
    '',
    '<',
    '<a/>',
    '<Delete><Object><Key>k</Key></Object></Delete>',
    '<CompleteMultipartUpload><Part/></CompleteMultipartUpload>',
    '<Tagging><TagSet/></Tagging>',
    '5\r\nhello\r\n0\r\n\r\n',
    'x'.repeat(70_000),
  ]
  const hashes = [
    'UNSIGNED-PAYLOAD',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    sha256('other'),
  ]
  const asHeader = (text: string) => encodeURIComponent(text).slice(0, 500)

  const seen = new Set<number>()
  for (let round = 0; round < 600; round++) {
    const method = pick(['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])
    const query = Array.from({ length: below(4) }, () => `${pick(parameters)}=${encodeURIComponent(pick(strange))}`)
    const path = pick(['', '/', '/key', '/fuzz', `/${encodeURIComponent(pick(strange))}`])
    const request = {
      method,
      url: `${own}${path}?${query.join('&')}`,
      headers: Object.fromEntries(
        Array.from({ length: below(4) }, () => [pick(headers), below(4) === 0 ? '*' : asHeader(pick(strange))]),
      ),
      ...(method === 'PUT' || method === 'POST' ? { body: pick(bodies) } : {}),
      ...(below(3) === 0 ? { payloadHash: pick(hashes) } : {}),
    }
    const { status, text } = await sendRaw(request)
    expect([status < 500 || status === 501, request, text]).toEqual([true, request, text])
    seen.add(status)
  }
  // That it reached further than the front door.
  for (const status of [200, 400, 404, 501]) expect(seen).toContain(status)
  expect((await sendRaw({ method: 'GET', url: `${base}/key` })).text).toBe('value')
})

describe('an upload that breaks off', () => {
  test.each(['Content-Length: 1000000', 'Transfer-Encoding: chunked'])('leaves nothing behind: %s', async (framing) => {
    const before = await filesIn(world.directory)
    const url = new URL(`${base}/broken`)
    const signed = signRequest({
      method: 'PUT',
      url: url.href,
      payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      headers: { 'x-amz-decoded-content-length': '900000' },
    })
    const socket = connect(Number(url.port), url.hostname)
    const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}`)
    const chunk = framing.startsWith('T') ? '10000\r\n' : ''
    socket.write(
      `PUT ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n${framing}\r\n${lines.join('\r\n')}\r\n\r\n${chunk}`,
    )
    socket.write(`c3500\r\n${'x'.repeat(60_000)}`)
    await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before.length + 1))
    socket.destroy()
    await vi.waitFor(async () => expect(await filesIn(world.directory)).toEqual(before))
    expect(await exists('broken')).toBe(false)
  })
})

test('a connection on which nothing moves is closed, and its upload removed', async () => {
  const { endpoint } = world.server
  const server = createServer((req, res) => void endpoint.handle(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const connected = once(server, 'connection')
  const before = await filesIn(world.directory)
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/s3/${bucket}/idle`)
  const headers = signRequest({ method: 'PUT', url: url.href, payloadHash: 'UNSIGNED-PAYLOAD' })
  const sent = httpRequest(url, { method: 'PUT', headers: { ...headers, 'content-length': 3_000_000 } })
  const ended = once(sent, 'error')
  sent.write(randomBytes(2_000_000))
  const [socket] = (await connected) as [Socket]
  await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before.length + 1))
  expect(socket.timeout).toBe(120_000)
  socket.emit('timeout')
  await ended
  await vi.waitFor(async () => expect(await filesIn(world.directory)).toEqual(before))
})

test('an object that is a page runs no script on the origin that it shares', async () => {
  const url = `${base}/page`
  const headers = { 'content-type': 'text/html' }
  await sendRaw({ method: 'PUT', url, body: '<script>steal()</script>', headers })
  for (const address of [url, `${base}/none`]) {
    const { headers: answered } = await sendRaw({ method: 'GET', url: address })
    expect(answered.get('content-security-policy')).toContain('sandbox')
    expect(answered.get('x-content-type-options')).toBe('nosniff')
  }
})

test('a client that leaves in the middle of a download is let go', async () => {
  const before = (await filesIn(world.directory)).length
  await world.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'large', Body: randomBytes(20 * 1024 * 1024) }))
  const url = new URL(`${base}/large`)
  const sent = httpRequest(url, { headers: signRequest({ method: 'GET', url: url.href }) })
  sent.end()
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  await once(response, 'readable')
  sent.destroy()
  const replaced = { method: 'PUT', url: url.href, body: 'small' }
  expect((await sendRaw(replaced)).status).toBe(200)
  await vi.waitFor(async () => expect((await filesIn(world.directory)).length).toBe(before + 1))
})

test('a download gets its own bytes, whoever else reads slowly, or leaves halfway, beside it', async () => {
  const objects = Array.from({ length: 2 }, (_, i) => ({ key: `side-${i}`, bytes: randomBytes(16 * 1024 * 1024 + i) }))
  for (const { key, bytes } of objects)
    await world.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }))
  const open = async (key: string) => {
    const url = new URL(`${base}/${key}`)
    const sent = httpRequest(url, { headers: signRequest({ method: 'GET', url: url.href }) }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return { sent, response }
  }
  // More than the system holds for a connection: their answers are held up with bytes on the way. Half of them leave so.
  const slow = await Promise.all(objects.map(async (object) => ({ ...object, ...(await open(object.key)) })))
  const leaving = await Promise.all(objects.map(({ key }) => open(key)))
  for (const { sent } of leaving) sent.destroy()
  for (let round = 0; round < 3; round++)
    await Promise.all(
      objects.map(async ({ key, bytes }) =>
        expect((await buffer((await open(key)).response)).equals(bytes), key).toBe(true),
      ),
    )
  for (const { response, bytes, key } of slow) expect((await buffer(response)).equals(bytes), key).toBe(true)
})
