import type { Tensor2D } from '@tensorflow/tfjs'
import { readTensor } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'

/** The nearest of what an index holds, nearest first; of equally near ones the one that was added first. */
export interface Nearest {
  /** In the order in which they were added, 0-based. [n, found] */
  readonly place: Int32Array
  /** Cosine distance 1 − cos, 0 to 2, to float32's rounding. [n, found] */
  readonly distance: Float32Array
  /** As many as were asked for, or all there are. */
  readonly found: number
}

export interface NeighbourIndex {
  /** @param embeddings [n, width]; changed. */
  add(embeddings: Float32Array): void
  /**
   * @param embeddings [n, width]; changed.
   * @param onBlock Called before every block of the index; what it throws ends the search.
   */
  nearest(embeddings: Float32Array, k: number, onBlock: () => Promise<void>): Promise<Nearest>
  dispose(): void
}

/**
 * Embeddings to look for the nearest in, by exhaustive search: 1 − cos of all pairs, as products of L2-normalised rows in
 * float32, block by block.
 *
 * It holds 4 · rows · width bytes and, while it searches, 4 · n · blockRows for n that are looked up at once. A block is
 * one matrix product and one top-k of TensorFlow, and the best of both blocks and order are chosen by (similarity, place),
 * so equal input gives equal output. An embedding of zeros is at distance 1 from all.
 *
 * @param width Numbers of an embedding.
 * @param blockRows Rows that are compared with at once.
 */
export function createNeighbourIndex(tf: Tf, width: number, blockRows = 8192): NeighbourIndex {
  const blocks: Tensor2D[] = []
  // The block that is being filled; its rows are there from the first on.
  let open = new Float32Array(0)
  let rows = 0
  const close = () => {
    if (rows > 0) blocks.push(tf.tensor2d(open.slice(0, rows * width), [rows, width]))
    rows = 0
  }
  return {
    add(embeddings) {
      normalise(embeddings, width)
      if (open.length === 0) open = new Float32Array(blockRows * width)
      for (let from = 0; from < embeddings.length;) {
        const taken = embeddings.subarray(from, from + (blockRows - rows) * width)
        open.set(taken, rows * width)
        rows += taken.length / width
        from += taken.length
        if (rows === blockRows) close()
      }
    },
    async nearest(embeddings, k, onBlock) {
      close()
      open = new Float32Array(0)
      normalise(embeddings, width)
      const n = embeddings.length / width
      const queries = tf.tensor2d(embeddings, [n, width])
      try {
        let best: Nearest | null = null
        let first = 0
        for (const block of blocks) {
          await onBlock()
          best = nearer(best, searchBlock(tf, queries, block, { k, first }), n, k)
          first += block.shape[0]
        }
        return best!
      } finally {
        queries.dispose()
      }
    },
    dispose: () => tf.dispose(blocks),
  }
}

/** x ← x / ‖x‖, row by row, zeros as they are. */
function normalise(embeddings: Float32Array, width: number): void {
  for (let start = 0; start < embeddings.length; start += width) {
    const row = embeddings.subarray(start, start + width)
    let square = 0
    for (let i = 0; i < width; i++) square += row[i]! * row[i]!
    const length = Math.sqrt(square)
    if (length > 0) for (let i = 0; i < width; i++) row[i] = row[i]! / length
  }
}

function searchBlock(tf: Tf, queries: Tensor2D, block: Tensor2D, { k, first }: { k: number; first: number }): Nearest {
  const found = Math.min(k, block.shape[0])
  const { values, indices } = tf.tidy(() => tf.topk(tf.matMul(queries, block, false, true), found)) // [n, found]
  try {
    return {
      place: (readTensor(tf, indices) as Int32Array).map((at) => first + at),
      distance: (readTensor(tf, values) as Float32Array).map((cosine) => Math.min(2, Math.max(0, 1 - cosine))),
      found,
    }
  } finally {
    tf.dispose([values, indices])
  }
}

/** The k nearest of both, those of `before` first where they are as near. */
function nearer(before: Nearest | null, next: Nearest, n: number, k: number): Nearest {
  if (before === null) return next
  const found = Math.min(k, before.found + next.found)
  const place = new Int32Array(n * found)
  const distance = new Float32Array(n * found)
  for (let row = 0; row < n; row++) {
    let [a, b] = [row * before.found, row * next.found]
    const [endA, endB] = [a + before.found, b + next.found]
    for (let at = row * found; at < (row + 1) * found; at++) {
      const isBefore = b === endB || (a < endA && before.distance[a]! <= next.distance[b]!)
      const from = isBefore ? before : next
      const taken = isBefore ? a++ : b++
      place[at] = from.place[taken]!
      distance[at] = from.distance[taken]!
    }
  }
  return { place, distance, found }
}
