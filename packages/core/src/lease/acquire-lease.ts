import { AppError } from '@baton/contracts'
import type { Command, Lease, SessionStatus } from '@baton/contracts'
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

interface Acquired {
  readonly lease: Lease | null
  readonly command: Command | null
}

/**
 * Waits for a fold of the session's pools and leases it: from then on this session alone may change it.
 *
 * An offer is only a hint. The database decides under the fold's lock, so an offer that came twice, late, or for a
 * fold that is gone leases nothing, and a lost one is made again by the reconciler.
 *
 * A session works on one fold at a time. One that asks while it holds a lease has never heard of it: the answer was
 * lost on its way, and is given again.
 *
 * @returns The lease, or null with the command `drain` when the session is to stop, or both null when none came in time.
 * @throws {AppError} `conflict` when the session has ended
 */
export async function acquireLease(
  deps: { store: Store; offers: OfferQueue; times: LeaseTimes; now: () => number },
  input: AcquireLease,
): Promise<Acquired> {
  const refusal = refusalOf(await deps.store.sessions.touch(input.sessionId))
  if (refusal !== null) return refusal
  const session = (await deps.store.sessions.get(input.sessionId))!
  const unheard = await leaseAgain(deps, session)
  if (unheard !== null) return { lease: unheard, command: null }
  const deadline = deps.now() + input.waitMs
  for (;;) {
    const waitMs = Math.max(0, deadline - deps.now())
    const offer = await deps.offers.take(session.pools, { waitMs, ...(input.signal ? { signal: input.signal } : {}) })
    if (offer === null) return { lease: null, command: null }
    try {
      const lease = await claim(deps, offer, session, input.signal)
      if (lease !== null) return { lease, command: null }
    } catch (error) {
      if (!(error instanceof Gone)) throw error
      await deps.offers.offer(offer)
      return refusalOf(error.status) ?? { lease: null, command: null }
    }
  }
}

/** What a session that gets no lease is told; null when it may have one. */
function refusalOf(status: SessionStatus): Acquired | null {
  if (status === 'draining') return { lease: null, command: 'drain' }
  if (status === 'ended') throw new AppError('conflict', { status }, { detail: 'the session has ended' })
  return null
}

/** Rolls a claim back: the session hung up, ended or was told to drain while it waited. */
class Gone extends Error {
  override readonly name = 'Gone'
  readonly status: SessionStatus
  constructor(status: SessionStatus) {
    super('the session went away while it waited')
    this.status = status
  }
}

async function claim(
  { store, times }: { store: Store; times: LeaseTimes },
  offer: FoldOffer,
  session: { id: string; name: string },
  signal: AbortSignal | undefined,
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
    const lease = leaseOf({ ...fold, fence, attempt }, await tables.folds.leaseContext(fold.id), times)
    // Last of all: a lease for a session that is gone would keep the fold from others until it runs out.
    const { status } = (await tables.sessions.get(session.id))!
    if (signal?.aborted || status !== 'active') throw new Gone(status)
    return lease
  })
}

/** The lease that a session holds and does not know of, renewed; null if there is none. */
async function leaseAgain(
  { store, times: { leaseSeconds, ...times } }: { store: Store; times: LeaseTimes },
  { id: sessionId }: { id: string },
): Promise<Lease | null> {
  const held = await store.folds.heldBy(sessionId)
  if (held === null) return null
  return store.transaction(async (tables) => {
    const fold = await tables.folds.lock(held)
    if (fold?.status !== 'leased' || fold.sessionId !== sessionId) return null
    if (fold.cancelAsked) {
      await tables.folds.release(fold, { to: 'cancelled', endStep: null })
      return null
    }
    const beat = { foldId: held, sessionId, fence: fold.fence, leaseSeconds }
    await tables.folds.heartbeat({ ...beat, progress: null, secondsLeft: null, metrics: [], logs: [] })
    return leaseOf(fold, await tables.folds.leaseContext(held), { leaseSeconds, ...times })
  })
}

function isClaimable(fold: FoldRecord, offer: FoldOffer): boolean {
  return fold.status === 'ready' && fold.offer === offer.offer && fold.due && !fold.cancelAsked
}

function leaseOf(
  fold: FoldRecord,
  context: Awaited<ReturnType<Store['folds']['leaseContext']>>,
  times: LeaseTimes,
): Lease {
  return {
    foldId: fold.id,
    fence: fold.fence,
    attempt: fold.attempt,
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
