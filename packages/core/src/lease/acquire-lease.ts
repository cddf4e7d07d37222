import { AppError } from '@baton/contracts'
import type { Command, Lease } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { LeaseTimes } from '../policy.ts'
import type { FoldOffer, OfferQueue } from '../ports.ts'
import type { FoldRecord, Store } from '../store.ts'

export interface AcquireLease {
  readonly sessionId: string
  readonly waitMs: number
  /** Aborts the wait, e.g. when the caller hung up. */
  readonly signal?: AbortSignal
}

/**
 * Waits for a fold of the session's pools and leases it: from then on this session alone may change it.
 *
 * An offer is only a hint. The database decides under the fold's lock, so an offer that came twice, late, or for a
 * fold that is gone leases nothing, and a lost one is made again by the reconciler.
 *
 * @returns The lease, or null with the command `drain` when the session is to stop, or both null when none came in time.
 * @throws {AppError} `conflict` when the session has ended
 */
export async function acquireLease(
  deps: { store: Store; offers: OfferQueue; times: LeaseTimes; now: () => number },
  input: AcquireLease,
): Promise<{ lease: Lease | null; command: Command | null }> {
  const status = await deps.store.sessions.touch(input.sessionId)
  if (status === 'draining') return { lease: null, command: 'drain' }
  if (status === 'ended') throw new AppError('conflict', { status }, { detail: 'the session has ended' })
  const session = (await deps.store.sessions.get(input.sessionId))!
  const deadline = deps.now() + input.waitMs
  for (;;) {
    const waitMs = Math.max(0, deadline - deps.now())
    const offer = await deps.offers.take(session.pools, { waitMs, ...(input.signal ? { signal: input.signal } : {}) })
    if (offer === null) return { lease: null, command: null }
    const lease = await claim(deps, offer, session)
    if (lease !== null) return { lease, command: null }
  }
}

async function claim(
  { store, times }: { store: Store; times: LeaseTimes },
  offer: FoldOffer,
  session: { id: string; name: string },
): Promise<Lease | null> {
  return store.transaction(async (tables) => {
    const fold = await tables.folds.lock(offer.foldId)
    if (fold === null || !isClaimable(fold, offer)) return null
    const { fence, attempt } = await tables.folds.lease(fold, {
      sessionId: session.id,
      leaseSeconds: times.leaseSeconds,
    })
    const experiment = (await tables.experiments.find(fold.experimentId))!
    if (experiment.status === 'queued') await tables.experiments.setStatus(fold.experimentId, 'running')
    await emit(tables, fold.experimentId, {
      kind: 'fold-leased',
      fold: fold.index,
      attempt,
      session: session.name,
      step: fold.checkpoint?.step ?? 0,
    })
    return leaseOf(fold, { fence, attempt }, await tables.folds.leaseContext(fold.id), times)
  })
}

function isClaimable(fold: FoldRecord, offer: FoldOffer): boolean {
  return fold.status === 'ready' && fold.offer === offer.offer && fold.due && !fold.cancelAsked
}

function leaseOf(
  fold: FoldRecord,
  { fence, attempt }: { fence: number; attempt: number },
  context: Awaited<ReturnType<Store['folds']['leaseContext']>>,
  times: LeaseTimes,
): Lease {
  return {
    foldId: fold.id,
    fence,
    attempt,
    leaseSeconds: times.leaseSeconds,
    project: context.project,
    version: context.version,
    fold: fold.index,
    spec: context.spec,
    specDigest: context.specDigest,
    dataset: { manifest: context.dataset.manifest, shards: [...context.dataset.shards] },
    code: context.code,
    checkpoint: fold.checkpoint && { digest: fold.checkpoint.digest, manifest: fold.checkpoint.manifest },
  }
}
