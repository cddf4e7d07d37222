/** How many jobs of a kind are in a state. */
export interface Depth {
  readonly kind: string
  /** Of offers: the pool. */
  readonly pool: string | null
  readonly state: string
  readonly jobs: number
}

/** Those in which a job waits, runs, or has failed for good; what is completed is removed. */
export const states = ['waiting', 'prioritized', 'delayed', 'active', 'failed'] as const

export function depthsOf(kind: string, pool: string | null, counts: Readonly<Record<string, number>>): Depth[] {
  return states.map((state) => ({ kind, pool, state, jobs: counts[state] ?? 0 }))
}
