import { readFileSync } from 'node:fs'
import os from 'node:os'

/** What numbers were measured on: they mean little on another machine. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  /** Instructions that speed of training depends on, of those that the processor has. */
  readonly instructions: readonly string[]
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** How many programs wanted a processor, over the last minute before; above 0 the machine was not quiet. */
  readonly load: number
}

const instructions = ['avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'asimd', 'bf16']

export function describeMachine(): Machine {
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: os.availableParallelism(),
    instructions: instructions.filter((name) => processorFlags().has(name)),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.machine()}`,
    node: process.versions.node,
    load: Number(os.loadavg()[0]!.toFixed(1)),
  }
}

/** In a line. */
export function machine(): string {
  const { processor, cores, memoryGiB, node } = describeMachine()
  return `${cores} × ${processor}, ${memoryGiB} GiB, ${os.type()} ${os.machine()}, Node ${node}`
}

/** Whether the processor multiplies bf16: elsewhere TensorFlow does it in more steps than float32. */
export function hasBf16(): boolean {
  return ['avx512_bf16', 'amx_bf16', 'bf16'].some((name) => processorFlags().has(name))
}

function processorFlags(): ReadonlySet<string> {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    return new Set(/^(?:flags|Features)\s*:\s*(.+)$/m.exec(text)?.[1]?.split(' '))
  } catch {
    return new Set()
  }
}
