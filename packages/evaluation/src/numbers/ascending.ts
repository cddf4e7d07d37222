/**
 * Indexes of the values from the lowest to the highest, equal ones in their order: a radix sort of their bits, 16 at a
 * time, which takes seconds for the 24 million values of a large fold, where comparing takes a minute.
 */
export function ascending(values: Float32Array): Uint32Array {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  // Flipping all bits of a negative and the sign of a positive float makes its bits ascend as the number does.
  const digit = (index: number, shift: number) =>
    ((bits[index]! ^ ((bits[index]! >> 31) | -0x8000_0000)) >>> shift) & 0xffff
  let order = new Uint32Array(values.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  let sorted = new Uint32Array(values.length)
  for (const shift of [0, 16]) {
    const start = new Uint32Array(0x1_0001)
    for (let i = 0; i < order.length; i++) start[digit(i, shift) + 1]!++
    for (let i = 1; i < start.length; i++) start[i]! += start[i - 1]!
    for (let i = 0; i < order.length; i++) sorted[start[digit(order[i]!, shift)]!++] = order[i]!
    ;[order, sorted] = [sorted, order]
  }
  return order
}
