import type { Failure } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import { countDeath, decideRetry, failureClassOf } from '../policy.ts'
import type { RetryDecision } from '../policy.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'
import { releaseOpen } from './release-open.ts'

export interface FailOutcome {
  readonly outcome: 'retrying' | 'given-up'
  readonly retryInSeconds: number | null
}

/**
 * Takes a worker's report that training failed, and decides by the failure's class whether the fold is tried again.
 *
 * @throws {AppError} `lease-lost`
 */
export async function failFold(
  { store, random }: { store: Store; random: () => number },
  input: LeaseProof & { failure: Failure },
): Promise<FailOutcome> {
  return store.transaction(async (tables) => {
    const fold = await heldFold(tables, input)
    if (fold.cancelAsked) {
      await tables.folds.release(fold, { to: 'cancelled', endStep: input.failure.step })
      return { outcome: 'given-up' as const, retryInSeconds: null }
    }
    const experiment = (await tables.experiments.find(fold.experimentId))!
    const userCodeRetries = experiment.spec.retries.userCode
    return settleFailure(tables, fold, input.failure, { attempt: 'failed', userCodeRetries, random })
  })
}

/** Releases a fold whose attempt failed or was lost: back to the queue, or given up. Emits what people are told. */
export async function settleFailure(
  tables: Tables,
  fold: FoldRecord,
  reported: Failure,
  how: { attempt: 'failed' | 'lost'; userCodeRetries: number; random: () => number },
): Promise<FailOutcome> {
  const crashed = how.attempt === 'lost' || reported.code === 'trainer-crashed'
  const death = crashed
    ? countDeath(fold, stepDone(fold, reported))
    : { lostAtStep: null, lostInARow: 0, poisoned: false }
  const failure: Failure = death.poisoned
    ? { ...reported, code: 'fold-poisoned', detail: poisonDetail(reported, death) }
    : reported
  const failureClass = failureClassOf(failure.code)
  const before = fold.failures[failureClass] ?? 0
  const decision: RetryDecision =
    how.attempt === 'lost' && !death.poisoned
      ? { retry: true, delaySeconds: 0 }
      : decideRetry(failureClass, before, how)
  const endStep = reported.step
  const session = fold.sessionId === null ? null : await tables.sessions.get(fold.sessionId)
  if (!decision.retry) {
    await tables.folds.release(fold, { to: 'failed', attempt: how.attempt, endStep, failure })
    await tables.outbox.append([{ kind: 'assemble-experiment', payload: { experimentId: fold.experimentId } }])
  } else {
    const failures = how.attempt === 'lost' ? fold.failures : { ...fold.failures, [failureClass]: before + 1 }
    const { lostAtStep, lostInARow } = death
    const { delaySeconds } = decision
    if (failureClass === 'checkpoint' && isInherited(fold)) await tables.folds.discardCheckpoint(fold)
    await releaseOpen(tables, fold, {
      attempt: how.attempt,
      endStep,
      failure,
      delaySeconds,
      failures,
      lostAtStep,
      lostInARow,
    })
  }
  const outcome: FailOutcome = decision.retry
    ? { outcome: 'retrying', retryInSeconds: decision.delaySeconds }
    : { outcome: 'given-up', retryInSeconds: null }
  if (how.attempt === 'failed' || !decision.retry)
    await emit(tables, fold.experimentId, {
      kind: 'fold-failed',
      fold: fold.index,
      attempt: fold.attempt,
      session: session?.name ?? null,
      failure,
      ...outcome,
    })
  return outcome
}

/** Whether the newest checkpoint is the one that this attempt resumed from, and not one of its own. */
function isInherited({ checkpoint, fence }: FoldRecord): boolean {
  return checkpoint !== null && checkpoint.fence < fence
}

/** The step an attempt died at; null when it had done none since it resumed. */
function stepDone(fold: FoldRecord, failure: Failure): number | null {
  const start = fold.checkpoint?.step ?? 0
  const step = failure.step ?? fold.progress?.step ?? start
  return step > start ? step : null
}

function poisonDetail(
  reported: Failure,
  { lostAtStep, lostInARow }: { lostAtStep: number | null; lostInARow: number },
): string {
  const where = lostAtStep === null ? 'before doing a step' : `at step ${lostAtStep}`
  return `${lostInARow} sessions in a row died ${where}; the last one: ${reported.detail}`
}
