import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '@baton/contracts'
import type { Command, ExperimentInput, Lease, Session, SessionStatus } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { LeaseTimes } from '../policy.ts'
import type { FoldOffer, OfferQueue } from '../ports.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'
import { attemptSpan, writeTraceparent } from '../trace/span-context.ts'
import { handOver } from './hand-over-fold.ts'

export interface AcquireLease {
  readonly sessionId: string
  readonly waitMs: number
  /** Folds that the session works on already. */
  readonly holding?: readonly string[]
  /** Aborts the wait, e.g. when the caller hung up. */
  readonly signal?: AbortSignal
}

interface Acquired {
  readonly lease: Lease | null
  readonly command: Command | null
}

/** How often a session of one project looks for a fold while it waits. */
const lookMs = 1_000

interface Deps {
  readonly store: Store
  readonly offers: OfferQueue
  readonly times: LeaseTimes
  readonly now: () => number
}

/**
 * Waits for a fold of the session's pools and leases it: from then on this session alone may change it.
 *
 * An offer is only a hint. The database decides under the fold's lock, so an offer that came twice, late, or for a
 * fold that is gone leases nothing, and a lost one is made again by the reconciler.
 *
 * A session asks for one fold at a time, and says which it works on. A lease that it holds beside these it has never
 * heard of: the answer was lost on its way, and is given again. A fold that is to be cancelled or paused is let go
 * instead. Of two calls that wait at once, because the first was cut off without a word, one gets a fold.
 *
 * @returns The lease, or null with the command `drain` when the session is to stop, or both null when none came in time.
 * @throws {AppError} `conflict` when the session has ended
 */
export async function acquireLease(deps: Deps, input: AcquireLease): Promise<Acquired> {
  const refusal = refusalOf(await deps.store.sessions.touch(input.sessionId))
  if (refusal !== null) return refusal
  const session = (await deps.store.sessions.get(input.sessionId))!
  const unheard = await leaseAgain(deps, input)
  if (unheard !== null) return { lease: unheard, command: null }
  try {
    const lease = await (session.project === null ? waitForOffer : waitForProject)(deps, session, input)
    return { lease, command: null }
  } catch (error) {
    if (!(error instanceof Gone)) throw error
    return refusalOf(error.status) ?? { lease: null, command: null }
  }
}

/** Leases the fold of the next offer in the session's pools; null if none came in time. */
async function waitForOffer(deps: Deps, session: Session, input: AcquireLease): Promise<Lease | null> {
  const { waitMs, signal } = input
  const deadline = deps.now() + waitMs
  for (;;) {
    const leftMs = Math.max(0, deadline - deps.now())
    const offer = await deps.offers.take(session.pools, { waitMs: leftMs, ...(signal ? { signal } : {}) })
    if (offer === null) return null
    try {
      const lease = await claimOffer(deps, offer, session, input)
      if (lease !== null) return lease
    } catch (error) {
      if (error instanceof Gone) await deps.offers.offer(offer)
      throw error
    }
  }
}

/**
 * Leases the next fold of the session's project; null if there was none in time.
 *
 * Offers are per pool: taking those of other projects only to put them back would hold them up. So the database is
 * asked, and what it gave is taken out of the queue.
 */
async function waitForProject(deps: Deps, session: Session, input: AcquireLease): Promise<Lease | null> {
  const { waitMs, signal } = input
  const deadline = deps.now() + waitMs
  for (;;) {
    const lease = await claimNext(deps, session, input)
    const leftMs = deadline - deps.now()
    if (lease !== null || leftMs <= 0 || signal?.aborted) return lease
    await delay(Math.min(lookMs, leftMs), undefined, signal ? { signal } : {}).catch(() => undefined)
  }
}

/** What a session that gets no lease is told; null when it may have one. */
function refusalOf(status: SessionStatus): Acquired | null {
  if (status === 'draining') return { lease: null, command: 'drain' }
  if (status === 'ended') throw new AppError('conflict', { status }, { detail: 'the session has ended' })
  return null
}

/**
 * Rolls a claim back: the session hung up, ended or was told to drain while it waited, or another call of its own got it
 * a fold. That one it is given when it asks again.
 */
class Gone extends Error {
  override readonly name = 'Gone'
  readonly status: SessionStatus
  constructor(status: SessionStatus) {
    super('the session went away while it waited')
    this.status = status
  }
}

async function claimOffer(
  { store, times }: Deps,
  offer: FoldOffer,
  session: Session,
  input: AcquireLease,
): Promise<Lease | null> {
  return store.transaction(async (tables) => {
    const fold = await tables.folds.lock(offer.foldId)
    if (fold?.offer !== offer.offer || !isClaimable(fold)) return null
    return leaseTo(tables, fold, { ...input, session, times })
  })
}

async function claimNext({ store, times, offers }: Deps, session: Session, input: AcquireLease): Promise<Lease | null> {
  const claimed = await store.transaction(async (tables) => {
    const fold = await tables.folds.lockNext(session.project!, session.pools)
    if (fold === null || !isClaimable(fold)) return null
    return { fold, lease: await leaseTo(tables, fold, { ...input, session, times }) }
  })
  if (claimed === null) return null
  const { id: foldId, offer, pool, priority } = claimed.fold
  offers.withdraw({ foldId, offer, pool, priority })
  return claimed.lease
}

/** @throws {Gone} */
async function leaseTo(
  tables: Tables,
  fold: FoldRecord,
  { session, times, holding = [], signal }: AcquireLease & { session: Session; times: LeaseTimes },
): Promise<Lease> {
  const { fence, attempt } = await tables.folds.lease(fold, { sessionId: session.id, leaseSeconds: times.leaseSeconds })
  await tables.experiments.begin(fold.experimentId)
  await emit(tables, fold.experimentId, {
    kind: 'fold-leased',
    fold: fold.index,
    attempt,
    session: session.name,
    step: fold.checkpoint?.step ?? 0,
  })
  const lease = leaseOf({ ...fold, fence, attempt }, await tables.folds.leaseContext(fold.id), times)
  // Last of all: a lease for a session that is gone would keep the fold from others until it runs out.
  const status = await tables.sessions.lock(session.id)
  const other = await tables.folds.heldBy(session.id, [...holding, fold.id])
  if (signal?.aborted || status !== 'active' || other !== null) throw new Gone(status)
  return lease
}

/** The lease that a session holds and does not know of, renewed; null if there is none. */
async function leaseAgain(
  { store, times: { leaseSeconds, ...times } }: { store: Store; times: LeaseTimes },
  { sessionId, holding = [] }: AcquireLease,
): Promise<Lease | null> {
  const held = await store.folds.heldBy(sessionId, holding)
  if (held === null) return null
  return store.transaction(async (tables) => {
    const fold = await tables.folds.lock(held)
    if (fold?.status !== 'leased' || fold.sessionId !== sessionId) return null
    if (fold.cancelAsked) {
      await tables.folds.release(fold, { to: 'cancelled', endStep: null })
      return null
    }
    if (fold.pauseAsked) {
      await handOver(tables, fold, fold.checkpoint?.step ?? 0)
      return null
    }
    const beat = { foldId: held, sessionId, fence: fold.fence, leaseSeconds }
    await tables.folds.heartbeat({ ...beat, progress: null, secondsLeft: null, metrics: [], logs: [] })
    return leaseOf(fold, await tables.folds.leaseContext(held), { leaseSeconds, ...times })
  })
}

function isClaimable(fold: FoldRecord): boolean {
  return fold.status === 'ready' && fold.due && !fold.cancelAsked
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
    inputs: inputsOf(fold, context.inputs),
    checkpoint: fold.checkpoint && { digest: fold.checkpoint.digest, manifest: fold.checkpoint.manifest },
    traceparent: writeTraceparent(attemptSpan(fold.experimentId, fold.id, fold.attempt)),
  }
}

/** What a fold begins with is no use to one that has begun. */
function inputsOf({ index, checkpoint }: FoldRecord, inputs: readonly ExperimentInput[]): ExperimentInput[] {
  return inputs.filter(({ fold, kind }) => {
    const isBeginning = kind === 'weights' || kind === 'slots'
    return (fold === null || fold === index) && !(isBeginning && checkpoint !== null)
  })
}
