import type { Failure } from '@baton/contracts'
import { settleFailure } from '../lease/fail-fold.ts'
import { emit } from '../notification/emit.ts'
import type { LeaseTimes } from '../policy.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'

/** Services write their presence this often; three silences make a gap. */
export const presenceSeconds = 5
export const presenceGapSeconds = 15
const batch = 50

/**
 * Ends the leases that ran out: the attempt is `lost` and the fold is offered again from its newest checkpoint.
 *
 * Nothing expires unless API and coordinator have been there for a whole lease time: while the API was away no
 * worker could renew, and its silence proves nothing.
 *
 * @returns How many leases were ended.
 */
export async function expireLeases({
  store,
  times,
  random,
}: {
  store: Store
  times: LeaseTimes
  random: () => number
}): Promise<number> {
  if (!(await store.presence.steady(['api', 'coordinator'], times.leaseSeconds, presenceGapSeconds))) return 0
  let expired = 0
  for (;;) {
    const ended = await store.transaction(async (tables) => {
      const folds = await tables.folds.lockExpired(batch)
      for (const fold of folds) await expire(tables, fold, random)
      return folds.length
    })
    expired += ended
    if (ended < batch) return expired
  }
}

async function expire(tables: Tables, fold: FoldRecord, random: () => number): Promise<void> {
  const endStep = fold.progress?.step ?? null
  if (fold.cancelAsked) return tables.folds.release(fold, { to: 'cancelled', endStep })
  const session = (await tables.sessions.get(fold.sessionId!))!
  const failure: Failure = {
    code: 'trainer-crashed',
    detail: `session ${session.name} went silent`,
    lastLines: [],
    step: endStep,
  }
  const { outcome } = await settleFailure(tables, fold, failure, { attempt: 'lost', userCodeRetries: 0, random })
  if (outcome === 'retrying')
    await emit(tables, fold.experimentId, {
      kind: 'session-lost',
      fold: fold.index,
      attempt: fold.attempt,
      session: session.name,
      resumeStep: fold.checkpoint?.step ?? 0,
    })
}
