import { expect, test } from 'vitest'
import { createClosers } from './closers.ts'

test('parts end in reverse, once, the others too when one fails', async () => {
  const ended: string[] = []
  const closers = createClosers()
  closers.add(async () => ended.push('database'))
  closers.add(() => Promise.reject(new Error('queue is stuck')))
  closers.add(async () => ended.push('api'))
  const [first, second] = [closers.closeAll(), closers.closeAll()]
  await expect(first).rejects.toThrow('queue is stuck')
  await expect(second).rejects.toThrow('queue is stuck')
  expect(ended).toEqual(['api', 'database'])
})
