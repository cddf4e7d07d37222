import { expect, test } from 'vitest'
import { createMemoryBudget } from './memory-budget.ts'

test('no more is held than there is, and who came first is served first', async () => {
  const memory = createMemoryBudget(10)
  const served: string[] = []
  const take = (name: string, bytes: number) => memory.take(bytes).then(() => served.push(name))
  await take('first', 6)
  const [large, small] = [take('large', 8), take('small', 1)]
  await Promise.resolve()
  expect(served).toEqual(['first'])
  memory.give(6)
  await large
  await small
  expect(served).toEqual(['first', 'large', 'small'])
})

test('more than all there is is refused, instead of waited for', () => {
  expect(() => createMemoryBudget(10).take(11)).toThrow(/more than/)
})
