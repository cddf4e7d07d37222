import type { Lease } from '@baton/contracts'
import type { FoldContext, StopReason } from '../fold/open-fold.ts'
import { runFold } from '../fold/run-fold.ts'
import type { FoldEnd } from '../fold/run-fold.ts'
import { handOverSeconds } from '../pace/should-hand-over.ts'
import { retrying, verdictOn } from '../retry-policy.ts'

/** A registered session. */
export interface SessionContext extends Omit<FoldContext, 'gpu'> {
  readonly sessionId: string
  /** Each trains one fold at a time; a single null: the machine as a whole does. */
  readonly gpus: readonly FoldContext['gpu'][]
  readonly minLeaseSeconds: number
  readonly maxIdleSeconds: number
  readonly pollSeconds: number
}

/**
 * Why a session ended.
 *
 * deadline | signal | drain | idle   as it should
 * unfit     three folds in a row failed on each GPU for reasons that are not the user's code
 * unknown   the API refused the enrolment token, or does not know the session any more
 */
export type SessionReason = StopReason | 'idle' | 'unfit' | 'unknown'

/** A lease that the session had, and how it ended. */
export type FoldSummary = Pick<Lease, 'foldId' | 'project' | 'version' | 'fold' | 'attempt'> & { readonly end: FoldEnd }

/** Folds that may fail in a row before a GPU is taken to be what is broken. */
const failuresUntilUnfit = 3

/**
 * Takes one lease after the other, as many at a time as there are GPUs, until there is a reason to end. Then the folds
 * under way come to their own ends: they are told of the session's.
 */
export async function workOnFolds(
  session: SessionContext,
): Promise<{ reason: SessionReason; folds: readonly FoldSummary[] }> {
  const folds: FoldSummary[] = []
  const desks = session.gpus.map((gpu) => ({ gpu, failuresInARow: 0 }))
  const free = [...desks]
  const working = new Map<Lease, Promise<void>>()
  /** Aborts when a fold's end is the session's, with the reason or with the bug. */
  const ended = new AbortController()

  async function work(lease: Lease, desk: (typeof desks)[number]): Promise<void> {
    try {
      const end = await runFold({ ...session, gpu: desk.gpu }, lease)
      const { foldId, project, version, fold, attempt } = lease
      folds.push({ foldId, project, version, fold, attempt, end })
      if (end.kind === 'session-lost') ended.abort('unknown')
      desk.failuresInARow = isSessionsFault(end) ? desk.failuresInARow + 1 : 0
      if (desk.failuresInARow < failuresUntilUnfit) free.push(desk)
    } catch (error) {
      session.stop('drain')
      ended.abort(error)
    } finally {
      working.delete(lease)
    }
  }

  async function takeLeases(): Promise<SessionReason> {
    for (;;) {
      while (free.length === 0 && working.size > 0) await Promise.race(working.values())
      const desk = free.shift()
      if (!desk) return 'unfit'
      const lease = await waitForLease(session, () => [...working.keys()], ended.signal)
      if (typeof lease === 'string') return lease
      working.set(lease, work(lease, desk))
    }
  }

  const reason = await takeLeases()
  await Promise.all(working.values())
  if (ended.signal.reason instanceof Error) throw ended.signal.reason
  return { reason: ended.signal.aborted ? 'unknown' : reason, folds }
}

/** Failures that another machine may not have; the user's code, its data and its numbers fail anywhere. */
function isSessionsFault(end: FoldEnd): boolean {
  return end.kind === 'failed' && end.isRetried && end.code !== 'user-code-failed'
}

/** Asks for a lease until one comes, or there is a reason to end. A session that works on another fold is not idle. */
async function waitForLease(
  session: SessionContext,
  working: () => readonly Lease[],
  ended: AbortSignal,
): Promise<Lease | SessionReason> {
  const { clock, stopping, time, maxIdleSeconds } = session
  let idleSinceMs = clock.now()
  const calledOff = AbortSignal.any([stopping, time.over, ended])
  for (;;) {
    if (ended.aborted) return 'unknown'
    if (stopping.aborted) return stopping.reason as StopReason
    if (!isWorthALease(session)) return 'deadline'
    const holding = working().map(({ foldId }) => foldId)
    const answer = await pollLease(session, holding, calledOff)
    if (answer !== null && 'reason' in answer) return answer.reason
    if (answer?.lease) return answer.lease
    if (working().length > 0) idleSinceMs = clock.now()
    if (answer?.command === 'drain') session.stop('drain')
    else if (clock.now() - idleSinceMs >= 1000 * maxIdleSeconds && working().length === 0) return 'idle'
  }
}

/** Whether enough is left to do more than fetch data and hand over. */
function isWorthALease({ time, paces, marginSeconds: margin, minLeaseSeconds }: SessionContext): boolean {
  const secondsLeft = time.secondsLeft()
  const { step, save, upload } = paces
  const farewell = { step: step.p99(), save: save.p99(), upload: upload.p99(), uploadsAhead: 0, margin, secondsLeft }
  return secondsLeft === null || secondsLeft > handOverSeconds(farewell) + minLeaseSeconds
}

/** One long poll. Null: it was called off. */
async function pollLease(session: SessionContext, holding: string[], signal: AbortSignal) {
  const input = { params: { session: session.sessionId }, body: { waitSeconds: session.pollSeconds, holding } }
  try {
    return await retrying(session, { what: 'ask for a lease', signal }, () =>
      session.api.acquireLease(input, { signal }),
    )
  } catch (error) {
    if (signal.aborted) return null
    if (verdictOn(error) === 'leave-session') return { reason: 'unknown' as const }
    throw error
  }
}
