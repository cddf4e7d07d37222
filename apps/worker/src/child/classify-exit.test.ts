import { expect, test } from 'vitest'
import { classifyExit, memoryUsed } from './classify-exit.ts'

const quiet = { code: null, signal: null, memoryUsed: 0.3, wasKilledForMemory: false, lastLines: [] }

test.each([
  ['a kill while memory was full', { signal: 'SIGKILL', memoryUsed: 0.95 }],
  ['a kill that the kernel says was for memory', { signal: 'SIGKILL', wasKilledForMemory: true }],
  ['137, which is how a shell says killed', { code: 137 }],
  ['a full JavaScript heap', { signal: 'SIGABRT', lastLines: ['FATAL ERROR: … JavaScript heap out of memory'] }],
] as const)('%s is out of memory', (_, exit) => {
  expect(classifyExit({ ...quiet, ...exit }).code).toBe('out-of-memory')
})

test('who reads of a kill for memory reads of how full it was', () => {
  expect(classifyExit({ ...quiet, signal: 'SIGKILL', memoryUsed: 0.95 }).detail).toBe(
    'the system ended the training process for want of memory: it was ended by SIGKILL with 95 % in use',
  )
})

test.each([
  ['a kill with memory to spare', { signal: 'SIGKILL' }, 'the training process was ended by SIGKILL'],
  ['a fault in native code', { signal: 'SIGSEGV', memoryUsed: 0.95 }, 'the training process was ended by SIGSEGV'],
  ['an exit code', { code: 1 }, 'the training process exited with code 1'],
] as const)('%s is a crash', (_, exit, detail) => {
  expect(classifyExit({ ...quiet, ...exit })).toEqual({ code: 'trainer-crashed', detail })
})

test('memory in use is a part of what there is', () => {
  expect(memoryUsed()).toBeGreaterThan(0)
  expect(memoryUsed()).toBeLessThan(1)
})
