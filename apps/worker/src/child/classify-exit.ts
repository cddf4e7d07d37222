import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import type { ProblemCode } from '@baton/contracts'

/** What is known about a training child that ended without saying how. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Most of the machine's memory that was in use in its last seconds, 0 to 1. */
  readonly memoryUsed: number
  /** Whether the kernel says that it killed a process of this container for memory meanwhile. */
  readonly wasKilledForMemory: boolean
  /** Last lines the child printed. */
  readonly lastLines: readonly string[]
}

/** From here on a SIGKILL that nobody owns up to is the kernel's. */
const nearlyFull = 0.9

/** Names a crash: `out-of-memory` where memory is why, `trainer-crashed` otherwise, with what is known in words. */
export function classifyExit(exit: ChildExit): { code: ProblemCode; detail: string } {
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`
  const wasKilled = exit.signal === 'SIGKILL' || exit.code === 137
  const heapIsFull = exit.lastLines.some((line) => line.includes('JavaScript heap out of memory'))
  if (heapIsFull) return { code: 'out-of-memory', detail: `the training process ${how}: its JavaScript heap is full` }
  if (wasKilled && (exit.wasKilledForMemory || exit.code === 137 || exit.memoryUsed >= nearlyFull)) {
    const percent = Math.round(100 * exit.memoryUsed)
    const detail = `the system ended the training process for want of memory: it ${how} with ${percent} % in use`
    return { code: 'out-of-memory', detail }
  }
  return { code: 'trainer-crashed', detail: `the training process ${how}` }
}

/** Part of the memory that this process may use (its container's, where one limits it) that is in use, 0 to 1. */
export function memoryUsed(): number {
  const limit = memoryLimitBytes()
  // Of a container and its machine the tighter one counts.
  return Math.min(1, Math.max(0, 1 - process.availableMemory() / limit))
}

/** Memory of the machine, or of the container where that is less. */
export function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/** How often the kernel killed a process of this container for memory; 0 where that is not counted. */
export async function memoryKills(): Promise<number> {
  const events = await readFile('/sys/fs/cgroup/memory.events', 'utf8').catch(() => '')
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0)
}
