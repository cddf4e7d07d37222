import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { memoryLimitBytes } from '../child/classify-exit.ts'

/** What a session says about its machine when it registers. */
export interface Machine {
  /** E.g. `Tesla T4` or `Tesla T4 x2`; null without a GPU that NVIDIA's driver knows. */
  readonly accelerator: string | null
  /** Memory that a training can fill: one GPU's where there is one, else the machine's or its container's. */
  readonly memoryBytes: number
}

/** Looks at the machine. A missing or failing `nvidia-smi` means no GPU. */
export async function detectMachine(): Promise<Machine> {
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
  const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 }).catch(() => ({ stdout: '' }))
  return parseNvidiaSmi(stdout) ?? { accelerator: null, memoryBytes: memoryLimitBytes() }
}

/** Reads `name, mebibytes` lines; null when there is none. Several GPUs of one name are counted. */
export function parseNvidiaSmi(csv: string): Machine | null {
  const gpus = [...csv.matchAll(/^(.+), (\d+)\s*$/gm)].map(([, name, mebibytes]) => ({
    name: name!,
    mebibytes: Number(mebibytes),
  }))
  const [first] = gpus
  if (!first) return null
  const accelerator = gpus.length === 1 ? first.name : `${first.name} x${gpus.length}`
  return { accelerator: accelerator.slice(0, 120), memoryBytes: first.mebibytes * 2 ** 20 }
}
