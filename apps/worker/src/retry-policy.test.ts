import { AppError } from '@baton/contracts'
import { createLog } from '@baton/log'
import { expect, test } from 'vitest'
import { delayBeforeRetry, retrying, verdictOn } from './retry-policy.ts'

const log = createLog({ app: 'test', level: 'silent' })

/** Time that passes only by waiting. */
function fakeTools() {
  let nowMs = 0
  const waits: number[] = []
  const clock = {
    now: () => nowMs,
    async sleep(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted()
      waits.push(ms)
      nowMs += ms
    },
  }
  return { tools: { clock, random: () => 1, log }, waits }
}

test.each([
  ['unavailable', 'retry'],
  ['storage-unavailable', 'retry'],
  ['internal', 'retry'],
  ['rate-limited', 'retry'],
  ['lease-lost', 'leave-fold'],
  ['unauthenticated', 'leave-session'],
  ['conflict', 'leave-session'],
  ['predictions-incomplete', 'fail-fold'],
  ['request-invalid', 'fail-fold'],
] as const)('%s means %s', (code, verdict) => {
  expect(verdictOn(new AppError(code))).toBe(verdict)
})

test('what is no AppError is a bug, which trying again does not repair', () => {
  expect(verdictOn(new TypeError('x is not a function'))).toBe('fail-fold')
})

test('delays double up to half a minute, and lie between half and all of that', () => {
  expect([0, 1, 2, 20].map((failures) => delayBeforeRetry(failures, () => 1))).toEqual([500, 1000, 2000, 30_000])
  expect([0, 1, 2, 20].map((failures) => delayBeforeRetry(failures, () => 0))).toEqual([250, 500, 1000, 15_000])
})

test('a call is tried until it succeeds', async () => {
  const { tools, waits } = fakeTools()
  let calls = 0
  const work = async () => {
    if (++calls < 4) throw new AppError('unavailable')
    return 'done'
  }
  expect(await retrying(tools, { what: 'call', signal: new AbortController().signal }, work)).toBe('done')
  expect(waits).toEqual([500, 1000, 2000])
})

test('who is told when to come back does not come sooner', async () => {
  const { tools, waits } = fakeTools()
  let calls = 0
  const work = async () => {
    if (++calls < 3) throw new AppError('rate-limited', { retryAfterSeconds: calls === 1 ? 7 : 0 })
  }
  await retrying(tools, { what: 'call', signal: new AbortController().signal }, work)
  expect(waits).toEqual([7000, 1000])
})

test('an error that repeating cannot repair is thrown at once', async () => {
  const { tools, waits } = fakeTools()
  const work = () => Promise.reject(new AppError('lease-lost'))
  const options = { what: 'call', signal: new AbortController().signal }
  await expect(retrying(tools, options, work)).rejects.toMatchObject({ code: 'lease-lost' })
  expect(waits).toEqual([])
})

test('the last error is thrown once it has failed for long enough', async () => {
  const { tools } = fakeTools()
  const work = () => Promise.reject(new AppError('storage-unavailable'))
  const options = { what: 'call', signal: new AbortController().signal, giveUpAfterMs: 60_000 }
  await expect(retrying(tools, options, work)).rejects.toMatchObject({ code: 'storage-unavailable' })
  expect(tools.clock.now()).toBeGreaterThanOrEqual(60_000)
})

test('an abort ends the trying with its reason, also during a call', async () => {
  const { tools } = fakeTools()
  const abort = new AbortController()
  const work = () => {
    abort.abort(new Error('enough'))
    return Promise.reject(new AppError('unavailable'))
  }
  await expect(retrying(tools, { what: 'call', signal: abort.signal }, work)).rejects.toThrow('enough')
})
