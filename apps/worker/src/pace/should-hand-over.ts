/** How a session stands against its end, in seconds. */
export interface HandOverEstimate {
  /** Until the session ends; null when nothing ends it. */
  readonly secondsLeft: number | null
  /** 99th percentile of the time between two looks of the training at its signal: a step, or a piece of evaluation. */
  readonly step: number
  /** 99th percentile of writing a checkpoint to disk. */
  readonly save: number
  /** 99th percentile of uploading and committing one. */
  readonly upload: number
  /** Checkpoints being uploaded now: the last one waits for them. */
  readonly uploadsAhead: number
  /** For what was never measured: the farewell itself, and a first upload. */
  readonly margin: number
}

/**
 * Whether the training must stop now to have its last checkpoint committed in time:
 *
 *   p99(step) + p99(save) + (1 + uploadsAhead) · p99(upload) + margin ≥ secondsLeft
 */
export function shouldHandOver(estimate: HandOverEstimate): boolean {
  return estimate.secondsLeft !== null && handOverSeconds(estimate) >= estimate.secondsLeft
}

/** How long a hand-over takes at worst, margin included. */
export function handOverSeconds({ step, save, upload, uploadsAhead, margin }: HandOverEstimate): number {
  return step + save + (1 + uploadsAhead) * upload + margin
}
