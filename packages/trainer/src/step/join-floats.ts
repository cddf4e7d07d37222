/** Arrays laid end to end; a lone one as it is. */
export function joinFloats(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!
  const joined = new Float32Array(parts.reduce((length, part) => length + part.length, 0))
  let done = 0
  for (const part of parts) {
    joined.set(part, done)
    done += part.length
  }
  return joined
}
