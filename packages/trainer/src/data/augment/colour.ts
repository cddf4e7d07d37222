/**
 * Changes every byte in place by a function of it, rounded to the nearest byte, halves up, and clipped to 0 to 255.
 * Each of the 256 results is computed once.
 */
export function mapBytes(data: Uint8Array, change: (byte: number) => number): void {
  const table = Uint8Array.from({ length: 256 }, (_, byte) =>
    Math.min(255, Math.max(0, Math.floor(change(byte) + 0.5))),
  )
  for (let i = 0; i < data.length; i++) data[i] = table[data[i]!]!
}

export function meanOf(data: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i]!
  return sum / data.length
}
