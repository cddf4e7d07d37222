/** Shared memory for the pictures of batches, used again: what is left to the garbage collector stays for long. */
export interface Slabs {
  /** Memory of whatever content. */
  take(bytes: number): Uint8Array
  /** What was taken is not needed any more. */
  giveBack(taken: Uint8Array): void
}

/** @param most Pieces that wait to be used again; beyond them the oldest goes. */
export function createSlabs(most: number): Slabs {
  const free: ArrayBufferLike[] = []
  return {
    take(bytes) {
      // A piece that is much too large serves batches of another stage better.
      const fits = free.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes)
      const buffer = fits < 0 ? new SharedArrayBuffer(bytes) : free.splice(fits, 1)[0]!
      return new Uint8Array(buffer, 0, bytes)
    },
    giveBack({ buffer }) {
      free.push(buffer)
      if (free.length > most) free.shift()
    },
  }
}
