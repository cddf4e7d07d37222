import type { Command, SessionStatus } from '@baton/contracts'
import type { LeaseTimes } from '../policy.ts'
import type { Heartbeat, Store } from '../store.ts'
import { leaseLost } from './held-fold.ts'

/**
 * Renews a lease and stores what came with it; a metric or line that was sent before is stored once.
 * Answers with what the worker is to do.
 *
 * @throws {AppError} `lease-lost`
 */
export async function heartbeat(
  { store, times }: { store: Store; times: LeaseTimes },
  input: Omit<Heartbeat, 'leaseSeconds'>,
): Promise<{ leaseSeconds: number; command: Command | null }> {
  const beat = await store.folds.heartbeat({ ...input, leaseSeconds: times.leaseSeconds })
  if (beat === null) throw leaseLost(input)
  return { leaseSeconds: times.leaseSeconds, command: commandOf(beat) }
}

/** The strongest of what is asked: who drains hands over as one who pauses does, and ends besides. */
function commandOf(beat: { cancelAsked: boolean; pauseAsked: boolean; sessionStatus: SessionStatus }): Command | null {
  if (beat.cancelAsked) return 'cancel'
  if (beat.sessionStatus === 'draining') return 'drain'
  return beat.pauseAsked ? 'pause' : null
}
