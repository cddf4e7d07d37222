/** One measured quantity over the repetitions of a benchmark, and what it is to reach. */
export interface Figure {
  /** What was measured: `POST (10 folds) to 201, p99`. */
  readonly name: string
  readonly unit: '' | 'ms' | 's' | 'kB' | 'per s' | '×' | '%' | 'images/s'
  /** One value a repetition. A figure that a peer is compared by is the ratio within each repetition. */
  readonly values: readonly number[]
  /** Judged by the median: single repetitions of a shared machine say little. Absent: only shown. */
  readonly goal?: Goal
  /** Why it could not be measured here: there are no values then. */
  readonly lacking?: string
}

export type Goal = { readonly atMost: number } | { readonly atLeast: number }

/** What a benchmark is run with. */
export interface Run {
  readonly repetitions: number
  /** Says what is being done, for those who wait. */
  readonly say: (line: string) => void
  /** Takes what a reader of the figures is to know of how they were measured here: versions, threads. */
  readonly note: (line: string) => void
}

export interface Benchmark {
  readonly summary: string
  /** Repetitions where none are asked for. */
  readonly repetitions: number
  readonly run: (run: Run) => Promise<Figure[]>
}

export interface Result extends Figure {
  /** Null where it could not be measured, as are the next two. */
  readonly min: number | null
  readonly median: number | null
  readonly max: number | null
  /** Null where there is no goal, or no value. */
  readonly isMet: boolean | null
}

/** Minimum, median and maximum of a figure, and whether its median reaches its goal. */
export function resultOf(figure: Figure): Result {
  const sorted = figure.values.toSorted((a, b) => a - b)
  if (figure.lacking !== undefined) return { ...figure, min: null, median: null, max: null, isMet: null }
  if (sorted.length === 0) throw new Error(`${figure.name} has no value`)
  const median = quantile(sorted, 0.5)
  return {
    ...figure,
    min: sorted[0]!,
    median,
    max: sorted.at(-1)!,
    isMet: figure.goal ? meets(median, figure.goal) : null,
  }
}

function meets(median: number, goal: Goal): boolean {
  return 'atMost' in goal ? median <= goal.atMost : median >= goal.atLeast
}

/**
 * The q-quantile of sorted values, interpolated between neighbours (Hyndman and Fan 1996, definition 7).
 * @param q In [0, 1]; 0.5 is the median.
 */
export function quantile(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q
  const below = Math.floor(place)
  const low = sorted[below]!
  return low + (place - below) * ((sorted[below + 1] ?? low) - low)
}
