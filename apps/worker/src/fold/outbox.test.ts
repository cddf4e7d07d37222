import { expect, test } from 'vitest'
import { createOutbox } from './outbox.ts'

const point = (step: number, name = 'loss') => ({ step, name, value: step / 2 })

test('sequence numbers count on over batches, without gaps', () => {
  const outbox = createOutbox()
  outbox.addMetrics([point(0), point(1)])
  outbox.addLog('info', 'a')
  expect(outbox.next()).toEqual({
    metrics: [
      { ...point(0), seq: 1 },
      { ...point(1), seq: 2 },
    ],
    logs: [{ level: 'info', text: 'a', seq: 1 }],
  })
  outbox.acknowledge()
  outbox.addMetrics([point(2)])
  outbox.addLog('warn', 'b')
  expect(outbox.next()).toEqual({ metrics: [{ ...point(2), seq: 3 }], logs: [{ level: 'warn', text: 'b', seq: 2 }] })
})

test('a batch that was not acknowledged stays the same, whatever comes in meanwhile', () => {
  const outbox = createOutbox()
  outbox.addMetrics([point(0)])
  const first = outbox.next()
  outbox.addMetrics([point(1)])
  expect(outbox.next()).toBe(first)
  outbox.acknowledge()
  expect(outbox.next().metrics).toEqual([{ ...point(1), seq: 2 }])
})

test('it is empty once everything was acknowledged', () => {
  const outbox = createOutbox()
  expect(outbox.isEmpty()).toBe(true)
  outbox.addLog('info', 'a')
  outbox.next()
  expect(outbox.isEmpty()).toBe(false)
  outbox.acknowledge()
  expect(outbox.isEmpty()).toBe(true)
})

test('a batch stays within what one heartbeat takes', () => {
  const outbox = createOutbox()
  outbox.addMetrics(Array.from({ length: 3000 }, (_, step) => point(step)))
  for (let i = 0; i < 300; i++) outbox.addLog('info', 'x'.repeat(3000))
  const { metrics, logs } = outbox.next()
  expect(metrics.length).toBe(2000)
  expect(logs.length).toBe(100)
  expect(logs[0]?.text.length).toBe(2000)
})

test('overfull, it keeps the newest lines and says how many are gone', () => {
  const outbox = createOutbox({ metrics: 100, logs: 3 })
  for (const text of ['a', 'b', 'c', 'd', 'e']) outbox.addLog('info', text)
  const texts = outbox.next().logs.map(({ text }) => text)
  expect(texts).toEqual(['2 log lines and 0 metric points were dropped while the API was away', 'c', 'd', 'e'])
})

test('overfull, it thins the commonest metric and keeps all points of a rare one', () => {
  const outbox = createOutbox({ metrics: 100, logs: 100 })
  for (let step = 0; step < 100; step++)
    outbox.addMetrics(step % 20 === 0 ? [point(step), point(step, 'val/f2')] : [point(step)])
  const { metrics, logs } = outbox.next()
  expect(metrics.length).toBeLessThanOrEqual(100)
  expect(metrics.filter(({ name }) => name === 'val/f2').map(({ step }) => step)).toEqual([0, 20, 40, 60, 80])
  expect(metrics.map(({ seq }) => seq)).toEqual(metrics.map((_, i) => i + 1))
  expect(logs[0]?.text).toMatch(/^0 log lines and \d+ metric points were dropped/)
})
