import { expect, test } from 'vitest'
import { detectMachine, parseNvidiaSmi } from './detect-machine.ts'

test('two cards of one kind are counted; memory is what one has', () => {
  expect(parseNvidiaSmi('Tesla T4, 15360\nTesla T4, 15360\n')).toEqual({
    accelerator: 'Tesla T4 x2',
    memoryBytes: 15_360 * 2 ** 20,
  })
})

test('what is no list of cards is no card', () => {
  expect(parseNvidiaSmi('')).toBeNull()
  expect(parseNvidiaSmi('NVIDIA-SMI has failed because it could not communicate with the driver.')).toBeNull()
})

test('a machine has memory', async () => {
  expect((await detectMachine()).memoryBytes).toBeGreaterThan(2 ** 28)
})
