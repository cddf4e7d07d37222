import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readDirectly } from './direct-read.ts'

const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3))
const partial = (body: Buffer) => `HTTP/1.1 206 Partial Content\r\nContent-Length: ${body.length}\r\n\r\n`

/** @returns Its port */
async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  onTestFinished(() => {
    server.close()
    sockets.forEach((socket) => socket.destroy())
  })
  return (server.address() as AddressInfo).port
}

/** Answers by raw bytes: the n-th request of a connection, 0-based, with the connection's number. */
async function answering(answer: (socket: Socket, request: string, nth: number, connection: number) => unknown) {
  let connections = 0
  const server = net.createServer((socket) => {
    const connection = connections++
    let requests = 0
    socket.on('error', () => undefined)
    socket.on('data', (request) => void answer(socket, request.toString(), requests++, connection))
  })
  const url = `http://127.0.0.1:${await listening(server)}/object?signed=1`
  return { url, connections: () => connections }
}

function read(
  url: string,
  { start = 0, length = bytes.length, signal = new AbortController().signal, timeoutMs = 60_000 } = {},
) {
  // As a pull does: another thread reads it there.
  const into = { buffer: Buffer.from(new SharedArrayBuffer(length)), filled: 0 }
  return { into, status: readDirectly({ url: new URL(url), start, into, signal, timeoutMs }) }
}

const ofRange: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!
  const body = bytes.subarray(Number(start), Number(last) + 1)
  response.writeHead(206, { 'content-length': body.length }).end(body)
}

test('a range is read into the memory given, over a connection that stays open', async () => {
  const server = http.createServer(ofRange)
  let connections = 0
  server.on('connection', () => connections++)
  const url = `http://127.0.0.1:${await listening(server)}/object`
  for (const [start, length] of [
    [0, bytes.length],
    [5, 1],
    [100_000, 200_000],
  ] as const) {
    // prettier-ignore
    const { into, status } = read(url, { start, length })
    expect(await status).toBe(206)
    expect(into.filled).toBe(length)
    expect(into.buffer.equals(bytes.subarray(start, start + length))).toBe(true)
  }
  expect(connections).toBe(1)
})

test('reads side by side do not meet', async () => {
  const url = `http://127.0.0.1:${await listening(http.createServer(ofRange))}/object`
  const reads = Array.from({ length: 40 }, (_, i) => ({
    start: i * 5000,
    ...read(url, { start: i * 5000, length: 5000 + i }),
  }))
  await Promise.all(reads.map(({ status }) => status))
  for (const { start, into } of reads)
    expect(into.buffer.equals(bytes.subarray(start, start + into.buffer.length))).toBe(true)
})

test('what stands before what is there already is not asked for again', async () => {
  const asked: string[] = []
  const { url } = await answering((socket, request) => {
    asked.push(request)
    socket.write(partial(bytes.subarray(10, 20)))
    socket.write(bytes.subarray(10, 20))
  })
  const into = { buffer: Buffer.alloc(20, bytes.subarray(0, 10)), filled: 10 }
  await readDirectly({ url: new URL(url), start: 10, into, signal: new AbortController().signal, timeoutMs: 60_000 })
  expect(into.buffer.equals(bytes.subarray(0, 20))).toBe(true)
  expect(asked).toEqual([
    `GET /object?signed=1 HTTP/1.1\r\nhost: ${new URL(url).host}\r\nrange: bytes=10-19\r\naccept-encoding: identity\r\n\r\n`,
  ])
})

test('a head that comes byte by byte is read as one that comes at once', async () => {
  const { url } = await answering(async (socket) => {
    socket.setNoDelay(true)
    for (const byte of Buffer.concat([Buffer.from(partial(bytes.subarray(0, 30))), bytes.subarray(0, 30)])) {
      socket.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
  })
  const { into, status } = read(url, { length: 30 })
  expect(await status).toBe(206)
  expect(into.buffer.equals(bytes.subarray(0, 30))).toBe(true)
})

test('a body that is cut is an error, and what came of it is there', async () => {
  const { url } = await answering((socket) =>
    socket.end(Buffer.concat([Buffer.from(partial(bytes)), bytes.subarray(0, 1000)])),
  )
  const { into, status } = read(url)
  await expect(status).rejects.toThrow('the answer was cut')
  expect(into.filled).toBe(1000)
  expect(into.buffer.subarray(0, 1000).equals(bytes.subarray(0, 1000))).toBe(true)
})

test.each([
  ['in chunks', 'HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n'],
  ['encoded', 'HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n0123456789'],
  ['longer than the range', 'HTTP/1.1 206 Partial Content\r\nContent-Length: 11\r\n\r\n0123456789a'],
  ['all, where a part was asked for', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789'],
  ['of endless heads', `HTTP/1.1 206 Partial Content\r\nX: ${'x'.repeat(20_000)}\r\n`],
])('an answer %s is left to others, and nothing of it is taken', async (_, answer) => {
  const { url, connections } = await answering((socket) => socket.write(answer))
  for (let i = 0; i < 2; i++) {
    const { into, status } = read(url, { start: 5, length: 10 })
    expect(await status).toBe(null)
    expect(into.filled).toBe(0)
  }
  expect(connections()).toBe(1)
})

test('of a refusal the status is told, and nothing is taken', async () => {
  const { url } = await answering((socket) => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nlate'))
  const { into, status } = read(url, { length: 4 })
  expect(await status).toBe(403)
  expect(into.filled).toBe(0)
})

test('a connection that was closed while it was idle is no failure, one that breaks in an answer is', async () => {
  const { url, connections } = await answering((socket, _, nth, connection) => {
    if (nth === 0) return socket.write(Buffer.concat([Buffer.from(partial(bytes)), bytes]))
    if (connection === 0) return socket.destroy()
    return socket.end('HTTP/1.1 206')
  })
  expect(await read(url).status).toBe(206)
  expect(await read(url).status).toBe(206)
  expect(connections()).toBe(2)
  await expect(read(url).status).rejects.toThrow('the answer was cut')
})

test('a server that wants its connection closed has it closed', async () => {
  const { url, connections } = await answering((socket) =>
    socket.write(`HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc`),
  )
  for (let i = 0; i < 2; i++) expect(await read(url, { length: 3 }).status).toBe(206)
  expect(connections()).toBe(2)
})

test('a read that is called off or takes too long ends', async () => {
  const { url } = await answering(() => undefined)
  await expect(read(url, { timeoutMs: 1 }).status).rejects.toThrow('it took too long')
  const stop = new AbortController()
  const { status } = read(url, { signal: stop.signal })
  stop.abort()
  await expect(status).rejects.toThrow('it was called off')
})

test('a range is read over TLS, and an answer of another form left', async ({ skip }) => {
  const dir = await mkdtemp(join(tmpdir(), 'baton-tls-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ])
  skip(made.status !== 0, 'openssl is not here')
  let isPlain = true
  const server = https.createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    if (isPlain) ofRange(request, response)
    else response.writeHead(206).end(bytes)
  })
  const url = `https://localhost:${await listening(server)}/object`
  await expect(read(url).status).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  onTestFinished(() => void vi.unstubAllEnvs())
  for (let i = 0; i < 2; i++) {
    const { into, status } = read(url)
    expect(await status).toBe(206)
    expect(into.buffer.equals(bytes)).toBe(true)
  }
  isPlain = false
  expect(await read(url).status).toBe(null)
})
