import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { inTime } from './in-time.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
})

test('an answer counts that came while the process was too busy to read it', async () => {
  const answered = inTime(new Promise((resolve) => setImmediate(resolve, 'pong')))
  vi.advanceTimersByTime(3_000)
  expect(await answered).toBe('pong')
})

test('no answer is an error', async () => {
  const answered = inTime(new Promise(() => undefined))
  vi.advanceTimersByTime(3_000)
  await expect(answered).rejects.toThrow('no answer in 3000 ms')
})
