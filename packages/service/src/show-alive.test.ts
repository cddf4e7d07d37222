import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { showAlive } from './show-alive.ts'

let dir: string
let file: string
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'], now: 0 })
  dir = mkdtempSync(path.join(tmpdir(), 'baton-alive-'))
  file = path.join(dir, 'alive')
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(dir, { recursive: true })
})

const written = () => (existsSync(file) ? readFileSync(file, 'utf8').trim() : null)

/** `vi.waitFor` would move the clock. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setImmediate()
}

test('the file is as young as the last time that the service could work', async () => {
  const warn = vi.fn()
  const ping = vi.fn(async () => undefined)
  const stop = showAlive({ file, ping, log: { warn } })
  await until(() => written() === '1970-01-01T00:00:00.000Z')

  vi.advanceTimersByTime(10_000)
  await until(() => written() === '1970-01-01T00:00:10.000Z')

  ping.mockRejectedValue(new Error('the database is away'))
  vi.advanceTimersByTime(10_000)
  await until(() => warn.mock.calls.length === 1)
  expect(written()).toBe('1970-01-01T00:00:10.000Z')

  stop()
  vi.advanceTimersByTime(60_000)
  expect(ping).toHaveBeenCalledTimes(3)
})

test('a file that cannot be written stops nothing', async () => {
  const warn = vi.fn()
  const stop = showAlive({ file: path.join(file, 'below'), ping: async () => undefined, log: { warn } })
  await until(() => warn.mock.calls.length === 1)
  stop()
})
