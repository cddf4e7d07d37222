/** Durations of one kind of work, and what nearly all of them stay below. */
export interface Pace {
  add(seconds: number): void
  /** 99th percentile of the latest durations by nearest rank: the longest, while there are fewer than 100. 0 before the first. */
  p99(): number
}

/** Durations kept: enough for a 99th percentile, few enough that a slow start is forgotten. */
const windowSize = 256

export function createPace(): Pace {
  const latest: number[] = []
  return {
    add(seconds) {
      latest.push(seconds)
      if (latest.length > windowSize) latest.shift()
    },
    p99() {
      const sorted = latest.toSorted((a, b) => a - b)
      return sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0
    },
  }
}
