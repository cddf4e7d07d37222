import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { AppError } from '@baton/contracts'
import type { Following } from '@baton/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sendStream } from './stream.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A response whose reader takes what is written, until it stops to. */
function aResponse({ isRead }: { isRead: boolean }) {
  const chunks: string[] = []
  const response = new Writable({
    highWaterMark: 1000,
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      chunks.push(chunk)
      if (isRead) done()
    },
  })
  return { chunks, response: Object.assign(response, { writeHead: vi.fn() }) as unknown as ServerResponse }
}

/** Tells numbers for ever. */
const numbers = vi.fn(async function* (signal: AbortSignal) {
  for (let place = 1; !signal.aborted; place++) {
    yield { place, data: 'x'.repeat(100) }
    if (place === 3) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
})
const open = async (signal: AbortSignal): Promise<Following<unknown>> => ({ place: 0, items: numbers(signal) })

const options = () => ({
  instance: 'x',
  open,
  recheck: async () => undefined,
  log: { info: vi.fn() },
  signal: new AbortController().signal,
})

test('one that tells nothing gives a sign of life at least every 15 seconds', async () => {
  const { chunks, response } = aResponse({ isRead: true })
  void sendStream(response, options())
  await vi.advanceTimersByTimeAsync(60_000)
  expect(chunks.filter((chunk) => chunk === ':\n\n').length).toBeGreaterThanOrEqual(4)
  expect(chunks.join('')).toMatch(/^retry: 1000\nid: 0\n\nid: 1\ndata: /)
})

test('a reader who takes nothing is cut with a reason, and no more than the buffer was kept for them', async () => {
  const { response } = aResponse({ isRead: false })
  const endless = async (signal: AbortSignal): Promise<Following<unknown>> => ({
    place: 0,
    items: (async function* () {
      for (let place = 1; !signal.aborted; place++) yield { place, data: 'x'.repeat(100) }
    })(),
  })
  const { log, ...rest } = options()
  const sent = sendStream(response, { ...rest, log, open: endless })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(response.writableLength).toBeLessThan(1200)
  await vi.advanceTimersByTimeAsync(20_000)
  await sent
  expect(log.info).toHaveBeenCalledWith(
    { code: 'unavailable', detail: 'nothing was read for 30 seconds' },
    'stream ended',
  )
  await vi.advanceTimersByTimeAsync(10_000)
  expect(response.destroyed).toBe(true)
})

test('one whose token is not good any more is told so', async () => {
  const { chunks, response } = aResponse({ isRead: true })
  const recheck = () => Promise.reject(new AppError('unauthenticated'))
  const sent = sendStream(response, { ...options(), recheck })
  await vi.advanceTimersByTimeAsync(15_000)
  await sent
  expect(chunks.at(-1)).toMatch(/^event: problem\ndata: .*"code":"unauthenticated"/)
})

test('what cannot begin is thrown before anything is written', async () => {
  const { chunks, response } = aResponse({ isRead: true })
  const gone = () => Promise.reject(new AppError('not-found'))
  await expect(sendStream(response, { ...options(), open: gone })).rejects.toMatchObject({ code: 'not-found' })
  expect(chunks).toEqual([])
})
