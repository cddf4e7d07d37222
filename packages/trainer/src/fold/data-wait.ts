/** The time of one step, from the end of the step before, evaluations not counted. */
export interface StepTime {
  readonly ms: number
  /** What of it the step waited for its batch. */
  readonly waitMs: number
}

/** A share is believed after so much time and so many steps. */
const window = { ms: 60_000, steps: 50 }
/** The share from which on a machine is badly used. */
const worthTelling = 0.2

/**
 * Looks, window by window, at how much of its time a stage waits for batches. The first step is left out: it waits for
 * the first batch, which nothing could be made ahead of.
 *
 * @returns The share, 0 to 1, the first time that it is worth telling; null otherwise.
 */
export function watchDataWait(): (time: StepTime) => number | null {
  let isFirst = true
  let isTold = false
  let ms = 0
  let waitMs = 0
  let steps = 0
  return (time) => {
    if (isTold) return null
    if (isFirst) {
      isFirst = false
      return null
    }
    ms += time.ms
    waitMs += time.waitMs
    steps++
    if (ms < window.ms || steps < window.steps) return null
    const share = waitMs / ms
    isTold = share > worthTelling
    ms = waitMs = steps = 0
    return isTold ? share : null
  }
}
