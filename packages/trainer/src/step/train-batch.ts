import type { Blend } from '../data/mix.ts'

export interface TrainBatch {
  /** RGB, 0 to 255, at the size of the stage. [n, size, size, 3] */
  readonly images: Uint8Array
  /** 0 to 1. [n, classes] */
  readonly labels: Float32Array
  /** What a teacher says of them, where the spec distils from one by `mix`. [n, classes] */
  readonly teacher?: Float32Array | null
  /** How images are averaged in pairs: of a stage with mixup, and of no other. */
  readonly blend: Blend | null
  readonly n: number
}

/** A batch in so many runs of rows, whose sizes differ by one at most; fewer where it has fewer rows. */
export function splitBatch(batch: TrainBatch, count: number): TrainBatch[] {
  if (count === 1) return [batch]
  const runs = Math.min(count, batch.n)
  const start = (run: number) => Math.floor((run * batch.n) / runs)
  return Array.from({ length: runs }, (_, run) => rowsOf(batch, start(run), start(run + 1)))
}

/** Rows of the last of the parts that a batch of n is done in. */
export function lastPartRows(n: number, count: number): number {
  const runs = Math.min(count, n)
  return n - Math.floor(((runs - 1) * n) / runs)
}

function rowsOf({ images, labels, teacher, blend, n }: TrainBatch, start: number, end: number): TrainBatch {
  const pick = <T extends Uint8Array | Float32Array>(table: T) =>
    table.subarray((start * table.length) / n, (end * table.length) / n) as T
  return {
    images: pick(images),
    labels: pick(labels),
    teacher: teacher ? pick(teacher) : null,
    blend: blend && { partners: pick(blend.partners), lambda: pick(blend.lambda) },
    n: end - start,
  }
}
