import { expect, test } from 'vitest'
import { detectMachine, parseNvidiaSmi } from './detect-machine.ts'

test('two cards of one kind are counted; memory is what one has', () => {
  expect(parseNvidiaSmi('Tesla T4, 15360\nTesla T4, 15360\n')).toEqual({
    accelerator: 'Tesla T4 x2',
    memoryBytes: 15_360 * 2 ** 20,
    gpus: ['0', '1'],
  })
})

test.each([
  ['1', ['1'], 'Tesla T4'],
  ['1, 0', ['1', '0'], 'Tesla T4 x2'],
  ['GPU-8f1e', ['GPU-8f1e'], 'Tesla T4'],
  // As CUDA has it: nothing counts from the first entry on that names no GPU.
  ['0,7,1', ['0'], 'Tesla T4'],
])('of the cards only those are used that CUDA_VISIBLE_DEVICES=%s shows', (visible, gpus, accelerator) => {
  expect(parseNvidiaSmi('Tesla T4, 15360\nTesla T4, 15360\n', visible)).toMatchObject({ gpus, accelerator })
})

test.each(['', '-1', 'NoDevFiles'])('CUDA_VISIBLE_DEVICES=%s shows none', (visible) => {
  expect(parseNvidiaSmi('Tesla T4, 15360\n', visible)).toBeNull()
})

test('what is no list of cards is no card', () => {
  expect(parseNvidiaSmi('')).toBeNull()
  expect(parseNvidiaSmi('NVIDIA-SMI has failed because it could not communicate with the driver.')).toBeNull()
})

test('a machine has memory', async () => {
  expect((await detectMachine(undefined)).memoryBytes).toBeGreaterThan(2 ** 28)
})
