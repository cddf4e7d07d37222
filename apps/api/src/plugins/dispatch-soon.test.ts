import type { JobQueue, OutboxJob, Store } from '@baton/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dispatchSoon } from './dispatch-soon.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** As much of a store as an outbox is. */
function anOutbox() {
  let rows: (OutboxJob & { id: number })[] = []
  const add = (id: number) => rows.push({ id, kind: 'fan-out-event', payload: { eventId: id } })
  const outbox: Store['outbox'] = {
    append: async () => undefined,
    peek: async () => rows,
    remove: async (jobs) => void (rows = rows.filter((row) => !jobs.includes(row))),
  }
  return { add, store: { outbox } as Store }
}

/** As much of a queue as takes events. */
const aQueue = (fanOut: JobQueue['fanOut']) => ({ fanOut }) as JobQueue

const log = { warn: vi.fn() } as never

test('what is in the outbox is in the queue when it returns', async () => {
  const { add, store } = anOutbox()
  const events: number[] = []
  const dispatch = dispatchSoon({ store, queue: aQueue(async (id) => void events.push(id)) }, log)
  add(1)
  await dispatch()
  add(2)
  await Promise.all([dispatch(), dispatch()])
  expect(events).toEqual([1, 2])
})

test('a queue that fails costs no error', async () => {
  const { add, store } = anOutbox()
  const queue = aQueue(() => Promise.reject(new Error('the queue is away')))
  add(1)
  await dispatchSoon({ store, queue }, log)()
})

test('a queue that does not answer costs two seconds, and is asked once for all who wait; what came meanwhile follows', async () => {
  const { add, store } = anOutbox()
  let answer!: () => void
  const fanOut = vi.fn((_: number) => new Promise<void>((resolve) => (answer = resolve)))
  const dispatch = dispatchSoon({ store, queue: aQueue(fanOut) }, log)
  add(1)
  const waiting = [dispatch(), dispatch(), dispatch()]
  await vi.advanceTimersByTimeAsync(2_000)
  await Promise.all(waiting)
  expect(fanOut.mock.calls).toEqual([[1]])
  answer()
  await vi.advanceTimersByTimeAsync(0)
  add(2)
  void dispatch()
  await vi.advanceTimersByTimeAsync(0)
  expect(fanOut.mock.calls).toEqual([[1], [2]])
})
