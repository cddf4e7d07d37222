import { permutation, streamKey } from '@baton/random'

/** Values that are searched on: a large table is represented by so many of them, whole rows drawn by the seed. */
const valuesSearched = 2 ** 21

/**
 * Rows that stand for all of several parts, drawn together by the seed, in their order; all where they are few.
 *
 * @param rows How many each part has.
 * @param most Of rows, where they have few labels.
 * @returns Of each part, ascending.
 */
export function drawRows(
  rows: readonly number[],
  labels: number,
  seed: number,
  most = Infinity,
): readonly (readonly number[])[] {
  const total = rows.reduce((sum, n) => sum + n, 0)
  const wanted = Math.min(most, Math.max(1, Math.floor(valuesSearched / labels)))
  if (total <= wanted) return rows.map((n) => Array.from({ length: n }, (_, row) => row))
  const drawn = permutation(streamKey(seed, 'blend'), total).subarray(0, wanted).toSorted()
  let before = 0
  return rows.map((n) => {
    const [start, end] = [before, (before += n)]
    return Array.from(
      drawn.filter((row) => row >= start && row < end),
      (row) => row - start,
    )
  })
}

/** Some rows of a table laid end to end. */
export function rowsOf<T extends Float32Array | Uint8Array>(table: T, width: number, rows: readonly number[]): T {
  const taken = new (table.constructor as new (length: number) => T)(rows.length * width)
  rows.forEach((row, i) => taken.set(table.subarray(row * width, (row + 1) * width), i * width))
  return taken
}
