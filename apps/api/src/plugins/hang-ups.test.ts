import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { watchHangUps } from './hang-ups.ts'

const aResponse = () => new EventEmitter() as ServerResponse

test('a signal aborts when its own caller hangs up, and every open one when the server closes', () => {
  const closing = new AbortController()
  const signalOf = watchHangUps(closing.signal)
  const [gone, open] = [aResponse(), aResponse()]
  const signals = [gone, open].map(signalOf)
  gone.emit('close')
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  closing.abort()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  expect(signalOf(aResponse()).aborted).toBe(true)
})
