import { assertNever, problems } from '@baton/contracts'
import type { Event, HalvingStop } from '@baton/contracts'
import { failureClassOf } from '@baton/core'
import { countText, durationText, scoreText } from './format.ts'
import { fixed, plain, title } from './message.ts'
import type { Line, Message } from './message.ts'

type Payload = Event['payload']
type Failure = Extract<Payload, { kind: 'fold-failed' }>['failure']

/** Of a failure's log: enough to see the error, short enough for a phone. */
const logLines = 5
const logLineMax = 300

const causes: Readonly<Record<ReturnType<typeof failureClassOf>, string>> = {
  user: 'user code',
  memory: 'memory',
  numeric: 'numeric',
  data: 'data',
  checkpoint: 'checkpoint',
  infrastructure: 'infrastructure',
  poison: 'poison',
}

/** What an event says to people: what happened, why, what was done about it, what is to do. */
export function renderEvent(event: Event): Message {
  const about = `${event.project} #${event.version} ${event.experiment}`
  const { payload } = event
  switch (payload.kind) {
    case 'fold-completed':
      return [
        title(`✅ ${about}: fold ${payload.fold} done`),
        plain(
          `Score ${scoreText(payload.score)}, CV so far ${scoreText(payload.cvSoFar)} ` +
            `(${payload.foldsCompleted} of ${countText(payload.foldsTotal, 'fold')})`,
        ),
        plain(countText(payload.attempts, 'attempt')),
      ]
    case 'fold-failed':
      return foldFailed(about, payload)
    case 'session-lost':
      return [
        title(`🔌 ${about}: session ${payload.session} lost`),
        plain(`Fold ${payload.fold} (attempt ${payload.attempt}) goes on from step ${payload.resumeStep}.`),
      ]
    case 'experiment-completed':
      return [
        title(`🏁 ${about}: done`),
        plain(
          `CV ${scoreText(payload.cv)}, folds ${scoreText(payload.cvMean)} ± ${scoreText(payload.cvStd)} ` +
            '(mean ± standard deviation)',
        ),
        plain(`${countText(payload.attempts, 'attempt')}, ${countText(payload.interruptions, 'interruption')}`),
      ]
    case 'experiment-failed':
      return [title(`❌ ${about}: failed`), ...causeOf(payload.failure), ...remedyAndLog(payload.failure)]
    case 'experiment-created':
      return [
        title(`${about}: started with ${countText(payload.folds, 'fold')}`),
        ...(payload.parent === undefined ? [] : [plain(`From the spec of #${payload.parent}`)]),
      ]
    case 'session-stopped':
      return [
        title(`${about}: session ${payload.session} stopped`),
        plain(`Fold ${payload.fold} (attempt ${payload.attempt}) goes on from step ${payload.resumeStep}.`),
      ]
    case 'fold-retried':
      return [title(`🔁 ${about}: fold ${payload.fold} tried again from step ${payload.step}`)]
    case 'experiment-paused':
      return [title(`⏸ ${about}: paused`)]
    case 'experiment-resumed':
      return [title(`▶️ ${about}: resumed`)]
    case 'experiment-cancelled':
      return payload.halving
        ? [title(`✂️ ${about}: cancelled by halving`), plain(halvingText(payload.halving))]
        : [title(`${about}: cancelled`)]
    case 'fold-leased':
      return [title(`${about}: fold ${payload.fold} runs on ${payload.session} from step ${payload.step}`)]
    case 'fold-handed-over':
      return [title(`${about}: fold ${payload.fold} handed over by ${payload.session} at step ${payload.step}`)]
    case 'lb-recorded':
      return [
        title(payload.isNewBest === true ? `🏆 ${about}: best LB so far` : `${about}: LB recorded`),
        plain(`Public ${scoreText(payload.lbPublic)}, private ${scoreText(payload.lbPrivate)}`),
      ]
    case 'submission-scored':
      return [
        title(`${payload.isNewBest ? '🏆' : '📤'} ${about}: submission ${payload.submission} scored`),
        plain(
          `LB public ${scoreText(payload.lbPublic)}, private ${scoreText(payload.lbPrivate)}` +
            (payload.isNewBest ? ': the best of the project' : ''),
        ),
      ]
    default:
      return assertNever(payload)
  }
}

function foldFailed(about: string, payload: Extract<Payload, { kind: 'fold-failed' }>): Message {
  const { fold, attempt, session, failure, outcome, retryInSeconds } = payload
  const retrying = outcome === 'retrying'
  const done = retrying
    ? `It is tried again${retryInSeconds ? ` in ${durationText(retryInSeconds)}` : ' now'}, from its last checkpoint.`
    : 'The fold was given up; what other folds trained stays.'
  return [
    title(
      `${retrying ? '⚠️' : '❌'} ${about}: fold ${fold} failed in attempt ${attempt}${session ? ` on ${session}` : ''}`,
    ),
    ...causeOf(failure),
    plain(done),
    ...remedyAndLog(failure),
  ]
}

function causeOf({ code, detail, step }: Failure): Line[] {
  const at = step === null ? '' : ` at step ${step}`
  const why = plain(`${problems[code].title}${at} (cause: ${causes[failureClassOf(code)]})`)
  return detail.trim() === '' ? [why] : [why, plain(detail)]
}

/** What to do about a failure, and the end of its log. */
export function remedyAndLog({ code, lastLines }: Failure): Line[] {
  return [plain(problems[code].remedy), ...lastLines.slice(-logLines).map((line) => fixed(line, logLineMax))]
}

function halvingText({ folds, best, behind, bound }: HalvingStop): string {
  const after = folds === 1 ? 'its first fold' : `its first ${folds} folds`
  return `After ${after} it was ${behind.toFixed(4)} behind #${best}, more than ${bound.toFixed(4)}.`
}
