import type { Store } from '../store.ts'

/** How long what trainings said is kept after the experiment's end, in seconds; null: for good. */
export interface Retention {
  readonly logSeconds: number
  readonly metricSeconds: number | null
}

/** Rows removed in one statement: some ten milliseconds, so that nobody waits for its locks. */
const batch = 5_000

/**
 * Removes log lines and metrics of experiments that ended long ago. What is not final keeps everything, however old.
 *
 * @returns How many rows were removed.
 */
export async function retireRecords({ store }: { store: Store }, keep: Retention): Promise<number> {
  let removed = await inBatches(() => store.logs.removeOld(keep.logSeconds, batch))
  const { metricSeconds } = keep
  if (metricSeconds !== null) removed += await inBatches(() => store.metrics.removeOld(metricSeconds, batch))
  return removed
}

async function inBatches(removeSome: () => Promise<number>): Promise<number> {
  let removed = 0
  for (;;) {
    const some = await removeSome()
    removed += some
    if (some < batch) return removed
  }
}
