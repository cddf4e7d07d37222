import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import path from 'node:path'
import type { Tf } from './bind.ts'

/**
 * What computes, in words: `Tesla T4`, `AMD EPYC (avx512f)`.
 *
 * For a CPU with the widest instructions it offers, because TensorFlow chooses its kernels, and with them the order
 * of its sums, by these and not by the model's name.
 */
export function deviceOf(tf: Tf): string {
  return isOnGpu(tf) ? gpuName() : cpuName()
}

/** Whether a GPU computes. */
export function isOnGpu(tf: Tf): boolean {
  const { isUsingGpuDevice } = tf.backend() as { isUsingGpuDevice?: boolean }
  return isUsingGpuDevice === true
}

/** As the driver tells it, so that no program is started; a sandbox may hide that. */
function gpuName(): string {
  const folder = '/proc/driver/nvidia/gpus'
  const first = existsSync(folder) ? readdirSync(folder)[0] : undefined
  const text = first === undefined ? '' : readFileSync(path.join(folder, first, 'information'), 'utf8')
  return /^Model:\s*(.+)$/m.exec(text)?.[1] ?? 'GPU'
}

const WIDEST_FIRST = ['amx_bf16', 'avx512_bf16', 'avx512_vnni', 'avx512f', 'avx2', 'avx', 'asimd']

function cpuName(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch
  const flags = new Set(readCpuFlags())
  const widest = WIDEST_FIRST.find((flag) => flags.has(flag))
  return widest === undefined ? model : `${model} (${widest})`
}

function readCpuFlags(): string[] {
  const file = '/proc/cpuinfo'
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return /^(?:flags|Features)\s*:\s*(.+)$/m.exec(text)?.[1]?.split(' ') ?? []
}
