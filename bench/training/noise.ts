import { bulkWords, streamKey } from '@baton/random'

/** Uniform bytes, the same every time for the same name. */
export function noise(name: string, count: number): Uint8Array {
  const next = bulkWords(streamKey('bench', name), 0)
  const words = Uint32Array.from({ length: Math.ceil(count / 4) }, next)
  return new Uint8Array(words.buffer, 0, count)
}
