import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import type { Precision } from '@baton/contracts'
import type { LoadedTensorflow } from '@baton/tensorflow'
import { environment } from '../fixtures/train-sessions.ts'
import { environmentOf, precisionWarning } from './precision.ts'

type Machine = Partial<LoadedTensorflow['environment']>

/** TensorFlow on a device; the same JavaScript either way. */
function onMachine(machine: Machine, isUsingGpuDevice = false): LoadedTensorflow {
  return {
    tf: { ...tf, backend: () => ({ isUsingGpuDevice }) as never },
    environment: { ...environment, execution: 'compiled', oneDnn: true, ...machine },
  }
}

test.each<[Precision, Machine, Precision]>([
  ['bf16', { execution: 'compiled' }, 'bf16'],
  ['fp16', { execution: 'eager' }, 'fp32'],
  ['fp32', { execution: 'eager' }, 'fp32'],
])('asked for %s, checkpoints of steps that run %o record %s', (precision, machine, recorded) => {
  expect(environmentOf(precision, onMachine(machine)).precision).toBe(recorded)
})

const onGpu = true
test.each<[Precision, Machine, boolean, RegExp]>([
  ['bf16', { device: 'AMD EPYC (avx512f)' }, false, /does not compute in bf16: training takes longer/],
  ['bf16', { device: 'AMD EPYC (avx512_bf16)', oneDnn: false }, false, /without oneDNN/],
  ['fp16', { device: 'AMD EPYC (avx512_bf16)' }, false, /fp16 is for GPUs/],
  ['bf16', { device: 'Tesla T4' }, onGpu, /no faster than in fp32; fp16 is what it has/],
  ['fp16', { execution: 'eager' }, false, /trains in fp32, not fp16/],
])('%s on %o is warned of', (precision, machine, gpu, warning) => {
  expect(precisionWarning(precision, onMachine(machine, gpu))).toMatch(warning)
})

test.each<[Precision, Machine, boolean]>([
  ['fp32', { device: 'AMD EPYC (avx2)', execution: 'eager' }, false],
  ['bf16', { device: 'AMD EPYC (avx512_bf16)' }, false],
  ['bf16', { device: 'Intel Xeon (amx_bf16)' }, false],
  ['fp16', { device: 'Tesla T4' }, onGpu],
  ['bf16', { device: 'NVIDIA A100-SXM4-40GB' }, onGpu],
])('%s on %o is not', (precision, machine, gpu) => {
  expect(precisionWarning(precision, onMachine(machine, gpu))).toBeNull()
})
