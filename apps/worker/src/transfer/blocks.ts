import { createMemoryBudget } from './memory-budget.ts'

/**
 * Memory that several downloads use in turn, and threads share. Made anew for each, it would cost as much as hashing what
 * it holds.
 */
export interface Blocks {
  /** Resolves with memory of at least so many bytes, once there is some; those who came first are served first. */
  take(bytes: number): Promise<Buffer>
  give(block: Buffer): void
}

/** No block is smaller. */
const leastBytes = 128 * 2 ** 10

/** @param totalBytes What all blocks take together, a power of two. */
export function createBlocks(totalBytes: number): Blocks {
  const budget = createMemoryBudget(totalBytes)
  let idle: Buffer[] = []
  let madeBytes = 0

  function make(sizeBytes: number): Buffer {
    if (madeBytes + sizeBytes > totalBytes) {
      // They are of other sizes.
      madeBytes -= idle.reduce((sum, { length }) => sum + length, 0)
      idle = []
    }
    madeBytes += sizeBytes
    return Buffer.from(new SharedArrayBuffer(sizeBytes))
  }

  return {
    async take(bytes) {
      const sizeBytes = Math.max(leastBytes, 2 ** Math.ceil(Math.log2(bytes)))
      await budget.take(sizeBytes)
      const at = idle.findLastIndex(({ length }) => length === sizeBytes)
      return at === -1 ? make(sizeBytes) : idle.splice(at, 1)[0]!
    },
    give(block) {
      idle.push(block)
      budget.give(block.length)
    },
  }
}
