import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { memoryLimitBytes } from '../child/classify-exit.ts'

/** What a session says about its machine when it registers. */
export interface Machine {
  /** E.g. `Tesla T4` or `Tesla T4 x2`; null without a GPU that NVIDIA's driver knows. */
  readonly accelerator: string | null
  /** Memory that a training can fill: one GPU's where there is one, else the machine's or its container's. */
  readonly memoryBytes: number
  /** What each training may see of the GPUs, for CUDA_VISIBLE_DEVICES: one entry a GPU. Empty without a GPU. */
  readonly gpus: readonly string[]
}

/**
 * Looks at the machine. A missing or failing `nvidia-smi` means no GPU.
 *
 * @param visible CUDA_VISIBLE_DEVICES as it was given: only these GPUs are used.
 */
export async function detectMachine(visible: string | undefined): Promise<Machine> {
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
  const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 }).catch(() => ({ stdout: '' }))
  return parseNvidiaSmi(stdout, visible) ?? { accelerator: null, memoryBytes: memoryLimitBytes(), gpus: [] }
}

/**
 * Reads `name, mebibytes` lines; null when there is none. Several GPUs are counted, as of the first one's name.
 *
 * @param visible As CUDA reads it: indexes or UUIDs by commas; what follows an entry that names no GPU does not count.
 */
export function parseNvidiaSmi(csv: string, visible?: string): Machine | null {
  const all = [...csv.matchAll(/^(.+), (\d+)\s*$/gm)].map(([, name, mebibytes]) => ({
    name: name!,
    mebibytes: Number(mebibytes),
  }))
  const gpus = visible === undefined ? all.map((_, index) => String(index)) : visibleGpus(visible, all.length)
  const first = all[Number(gpus[0])] ?? all[0]
  if (!first || gpus.length === 0) return null
  const accelerator = gpus.length === 1 ? first.name : `${first.name} x${gpus.length}`
  return { accelerator: accelerator.slice(0, 120), memoryBytes: first.mebibytes * 2 ** 20, gpus }
}

function visibleGpus(visible: string, count: number): string[] {
  const entries = visible.split(',').map((entry) => entry.trim())
  const isGpu = (entry: string) => (/^\d+$/.test(entry) ? Number(entry) < count : /^(GPU|MIG)-/.test(entry))
  const end = entries.findIndex((entry) => !isGpu(entry))
  return end === -1 ? entries : entries.slice(0, end)
}
