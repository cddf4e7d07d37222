import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { callThread } from './call-thread.ts'

/** A thread that answers with `answer`, JavaScript that has the request as `request`. */
function start(answer: string) {
  const script = `
    const { parentPort } = require('node:worker_threads')
    parentPort.on('message', ({ id, request }) => { ${answer} })`
  const thread = new Worker(script, { eval: true, stderr: true })
  onTestFinished(async () => void (await thread.terminate()))
  return callThread<number, number>(thread, 'counts')
}

test('answers come to who asked, whatever order they come in', async () => {
  const { call } = start(`
    globalThis.held ??= []
    held.push({ id, result: request * 10 })
    if (held.length === 3) for (const answer of held.reverse()) parentPort.postMessage(answer)`)
  expect(await Promise.all([1, 2, 3].map((request) => call(request)))).toEqual([10, 20, 30])
})

test('what the thread throws is thrown here, and it goes on', async () => {
  const { call } = start(`
    parentPort.postMessage(request < 0 ? { id, error: new TypeError('below 0') } : { id, result: request })`)
  await expect(call(-1)).rejects.toThrow(new TypeError('below 0'))
  expect(await call(1)).toBe(1)
})

test.each([
  ['exits', 'process.exit(3)', 'the thread that counts has ended'],
  ['throws where nobody catches', 'setImmediate(() => { throw new Error("lost") })', 'lost'],
])('a thread that %s fails what it was asked for, and all that it is asked for later', async (_, answer, message) => {
  const { call, ended } = start(answer)
  const asked = [call(1), call(2)]
  for (const one of asked) await expect(one).rejects.toThrow(message)
  await ended
  await expect(call(3)).rejects.toThrow(message)
})
