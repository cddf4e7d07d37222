import { assertNever } from '@baton/contracts'
import type { Experiment, Fold, Session } from '@baton/contracts'
import { countText, durationText, scoreText } from './format.ts'
import { fixed, plain, title } from './message.ts'
import type { Line, Message } from './message.ts'
import { columns, cut } from './render-leaderboard.ts'

const barLength = 10

/** What runs: every fold of every open experiment as a bar, and the sessions that are there. */
export function renderStatus(experiments: readonly Experiment[], sessions: readonly Session[]): Message {
  const there = sessions.filter(({ status }) => status === 'active' || status === 'draining')
  const names = new Map(there.map(({ id, name }) => [id, name]))
  return [
    ...(experiments.length === 0 ? [plain('No experiment is running.')] : []),
    ...experiments.flatMap((experiment) => experimentLines(experiment, names)),
    ...(there.length === 0 ? [plain('No session is there.')] : [plain('Sessions:'), ...there.map(sessionLine)]),
  ]
}

function experimentLines(experiment: Experiment, sessions: ReadonlyMap<string, string>): Line[] {
  const { project, version, name, status, foldsCompleted, foldsTotal, folds } = experiment
  const done = `${foldsCompleted} of ${countText(foldsTotal, 'fold')}`
  return [title(`${project} #${version} ${name}: ${status}, ${done}`), ...folds.map((fold) => foldLine(fold, sessions))]
}

/** A fold as a bar with what is known of it. */
export function foldLine(fold: Fold, sessions: ReadonlyMap<string, string>): Line {
  return fixed(cut(`f${fold.index} ${bar(fold)} ${foldState(fold, sessions)}`, columns))
}

function foldState({ status, progress, score, sessionId }: Fold, sessions: ReadonlyMap<string, string>): string {
  const steps = progress === null ? '' : `${progress.step}/${progress.totalSteps}`
  switch (status) {
    case 'ready':
      return `${steps} waiting`.trimStart()
    case 'leased': {
      const eta = typeof progress?.etaSeconds === 'number' ? `ETA ${durationText(progress.etaSeconds)}` : ''
      const session = sessionId === null ? '' : (sessions.get(sessionId) ?? '')
      return [steps || 'starting', eta, session].filter(Boolean).join(' ')
    }
    case 'paused':
      return `${steps} paused`.trimStart()
    case 'completed':
      return score === null ? 'done' : `done ${scoreText(score)}`
    case 'failed':
    case 'cancelled':
      return status
    default:
      return assertNever(status)
  }
}

function bar({ status, progress }: Fold): string {
  const share = status === 'completed' ? 1 : progress?.totalSteps ? Math.min(1, progress.step / progress.totalSteps) : 0
  const full = Math.floor(share * barLength)
  return '█'.repeat(full) + '░'.repeat(barLength - full)
}

function sessionLine({ name, provider, accelerator, status, secondsLeft }: Session): Line {
  const left = secondsLeft === null ? '' : `${durationText(secondsLeft)} left`
  const facts = [provider, accelerator ?? '', left, status === 'draining' ? 'draining' : '']
  return fixed(cut(`${name}: ${facts.filter(Boolean).join(', ')}`, columns))
}
