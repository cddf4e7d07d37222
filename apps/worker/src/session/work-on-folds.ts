import type { Lease } from '@baton/contracts'
import type { FoldContext, StopReason } from '../fold/open-fold.ts'
import { runFold } from '../fold/run-fold.ts'
import type { FoldEnd } from '../fold/run-fold.ts'
import { handOverSeconds } from '../pace/should-hand-over.ts'
import { retrying, verdictOn } from '../retry-policy.ts'

/** A registered session. */
export interface SessionContext extends FoldContext {
  readonly sessionId: string
  readonly minLeaseSeconds: number
  readonly maxIdleSeconds: number
  readonly pollSeconds: number
}

/**
 * Why a session ended.
 *
 * deadline | signal | drain | idle   as it should
 * unfit     three folds in a row failed here for reasons that are not the user's code
 * unknown   the API refused the enrolment token, or does not know the session any more
 */
export type SessionReason = StopReason | 'idle' | 'unfit' | 'unknown'

/** A lease that the session had, and how it ended. */
export type FoldSummary = Pick<Lease, 'foldId' | 'project' | 'version' | 'fold' | 'attempt'> & { readonly end: FoldEnd }

/** Folds that may fail in a row before the session is taken to be what is broken. */
const failuresUntilUnfit = 3

/** Takes one lease after the other until there is a reason to end. */
export async function workOnFolds(
  session: SessionContext,
): Promise<{ reason: SessionReason; folds: readonly FoldSummary[] }> {
  const folds: FoldSummary[] = []
  let failuresInARow = 0
  for (;;) {
    const lease = await waitForLease(session)
    if (typeof lease === 'string') return { reason: lease, folds }
    const end = await runFold(session, lease)
    const { foldId, project, version, fold, attempt } = lease
    folds.push({ foldId, project, version, fold, attempt, end })
    if (end.kind === 'session-lost') return { reason: 'unknown', folds }
    failuresInARow = isSessionsFault(end) ? failuresInARow + 1 : 0
    if (failuresInARow >= failuresUntilUnfit) return { reason: 'unfit', folds }
  }
}

/** Failures that another machine may not have; the user's code, its data and its numbers fail anywhere. */
function isSessionsFault(end: FoldEnd): boolean {
  return end.kind === 'failed' && end.isRetried && end.code !== 'user-code-failed'
}

/** Asks for a lease until one comes, or there is a reason to end. */
async function waitForLease(session: SessionContext): Promise<Lease | SessionReason> {
  const { clock, stopping, time, maxIdleSeconds } = session
  const startMs = clock.now()
  const ends = AbortSignal.any([stopping, time.over])
  for (;;) {
    if (stopping.aborted) return stopping.reason as StopReason
    if (!isWorthALease(session)) return 'deadline'
    const answer = await pollLease(session, ends)
    if (answer !== null && 'reason' in answer) return answer.reason
    if (answer?.lease) return answer.lease
    if (answer?.command === 'drain') session.stop('drain')
    else if (clock.now() - startMs >= 1000 * maxIdleSeconds) return 'idle'
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
async function pollLease(session: SessionContext, signal: AbortSignal) {
  const input = { params: { session: session.sessionId }, body: { waitSeconds: session.pollSeconds } }
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
