import { assertNever } from '@baton/contracts'
import type { Event, EventPayload, Failure, HalvingStop } from '@baton/contracts'
import { count, formatScore, formatSeconds, printable } from './text.ts'

/** An event as a line: when, and what happened. */
export function eventLine({ at, payload }: Event): string {
  return `${at.slice(11, 19)}  ${printable(describe(payload))}`
}

function describe(event: EventPayload): string {
  switch (event.kind) {
    case 'experiment-created':
      return `created with ${count(event.folds, 'fold')}${event.parent === undefined ? '' : ` from #${event.parent}`}`
    case 'fold-leased':
      return `fold ${event.fold} attempt ${event.attempt}: ${event.session} goes on from step ${event.step}`
    case 'fold-handed-over':
      return `fold ${event.fold} attempt ${event.attempt}: ${event.session} handed over at step ${event.step}`
    case 'fold-completed':
      return (
        `fold ${event.fold} completed: score ${formatScore(event.score)} after ${count(event.attempts, 'attempt')}; ` +
        `CV so far ${formatScore(event.cvSoFar)} (${event.foldsCompleted} of ${event.foldsTotal})`
      )
    case 'fold-failed':
      return `fold ${event.fold} attempt ${event.attempt} failed: ${failureText(event.failure)}; ${outcomeText(event)}`
    case 'session-lost':
      return `fold ${event.fold} attempt ${event.attempt}: ${event.session} went silent; the fold goes on from step ${event.resumeStep}`
    case 'experiment-completed':
      return `completed: CV ${formatScore(event.cv)}, ${count(event.attempts, 'attempt')}, ${count(event.interruptions, 'interruption')}`
    case 'experiment-failed':
      return `failed: ${failureText(event.failure)}`
    case 'session-stopped':
      return `fold ${event.fold} attempt ${event.attempt}: ${event.session} was stopped; the fold goes on from step ${event.resumeStep}`
    case 'fold-retried':
      return `fold ${event.fold} tried again from step ${event.step}`
    case 'experiment-paused':
      return 'paused'
    case 'experiment-resumed':
      return 'resumed'
    case 'experiment-cancelled':
      return event.halving ? `cancelled by halving: ${stopText(event.halving)}` : 'cancelled'
    case 'lb-recorded':
      return `LB recorded: public ${formatScore(event.lbPublic)}, private ${formatScore(event.lbPrivate)}`
    case 'submission-scored':
      return (
        `submission ${event.submission} scored: LB public ${formatScore(event.lbPublic)}, private ${formatScore(event.lbPrivate)}` +
        (event.isNewBest ? '; the best of the project' : '')
      )
    default:
      return assertNever(event)
  }
}

/** Why halving stopped an experiment. */
export function stopText({ folds, best, behind, bound }: HalvingStop): string {
  const after = folds === 1 ? 'its first fold' : `its first ${folds} folds`
  return `after ${after} ${behind.toFixed(4)} behind #${best}, more than ${bound.toFixed(4)}`
}

function outcomeText(event: Extract<EventPayload, { kind: 'fold-failed' }>): string {
  if (event.outcome === 'given-up') return 'given up'
  return event.retryInSeconds === null ? 'tried again' : `tried again in ${formatSeconds(event.retryInSeconds)}`
}

export function failureText({ code, detail, step }: Failure): string {
  return `${code}${step === null ? '' : ` at step ${step}`}: ${detail}`
}
