import { z } from 'zod'
import { Count, Slug } from './ids.ts'
import { Moment } from './resources.ts'

/** A queue of folds as it stands: it is there while open folds or sessions name it. */
export const Pool = z.strictObject({
  name: Slug,
  /** Folds that may be leased now, and since when the one that has waited longest could have been. */
  foldsReady: Count,
  oldestReadySince: Moment.nullable(),
  /** Folds that wait for their delay after a failure. */
  foldsDelayed: Count,
  foldsLeased: Count,
  foldsPaused: Count,
  /** Sessions that take leases of it, busy ones included. */
  sessions: Count,
})
export type Pool = z.infer<typeof Pool>
