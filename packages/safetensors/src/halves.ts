/** Formats of two bytes, which are read as float32. It holds every value of theirs. */
export const halves = { F16: fromFloat16, BF16: fromBfloat16 } as const

export type Half = keyof typeof halves

export function isHalf(dtype: unknown): dtype is Half {
  return dtype === 'F16' || dtype === 'BF16'
}

/** The upper half of a float32's bits. */
function fromBfloat16(words: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer)
}

/**
 * IEEE 754 binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. In float32 the exponent's bias is 127, and
 * fractions have 13 bits more.
 */
function fromFloat16(words: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(words.length)
  const bits = new Uint32Array(values.buffer)
  words.forEach((word, i) => {
    const exponent = (word >>> 10) & 0x1f
    const fraction = word & 0x3ff
    if (exponent === 0) values[i] = fraction * 2 ** -24
    else bits[i] = ((exponent === 0x1f ? 0xff : exponent + 112) << 23) | (fraction << 13)
    bits[i]! |= (word & 0x8000) << 16
  })
  return values
}
