/** Bytes that threads may still take, in memory that they share. */
export type ByteBudget = BigInt64Array

export function openBudget(bytes: number): ByteBudget {
  const budget = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  giveBytes(budget, Math.floor(bytes))
  return budget
}

/** Takes so many bytes, all or none. @returns Whether there were so many. */
export function takeBytes(budget: ByteBudget, bytes: number): boolean {
  const before = Atomics.sub(budget, 0, BigInt(bytes))
  if (before >= bytes) return true
  giveBytes(budget, bytes)
  return false
}

export function giveBytes(budget: ByteBudget, bytes: number): void {
  Atomics.add(budget, 0, BigInt(bytes))
}
