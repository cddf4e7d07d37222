import type { Experiment } from '@baton/contracts'
import type { CardFacts } from '@baton/core'
import { countText, durationText, scoreText } from '../messages/format.ts'
import { plain, title } from '../messages/message.ts'
import type { Line, Message } from '../messages/message.ts'
import { foldLine } from '../messages/render-status.ts'
import { etaSeconds } from './eta.ts'

/** How an experiment stands: scores and time first, so that many folds cut off none of it, then each fold as a bar. */
export function renderCard(experiment: Experiment, facts: CardFacts): Message {
  const { project, version, name, status, folds } = experiment
  const sessions = new Map(facts.sessions.map((session) => [session.id, session.name]))
  return [
    title(`${project} #${version} ${name}: ${status}`),
    scoreLine(experiment, facts),
    ...bestLine(experiment, facts),
    workLine(experiment, facts),
    ...folds.map((fold) => foldLine(fold, sessions)),
  ]
}

function scoreLine({ cv, cvMean, cvStd, foldsCompleted, foldsTotal }: Experiment, { cvSoFar }: CardFacts): Line {
  if (cv !== null) return plain(`CV ${scoreText(cv)}, folds ${scoreText(cvMean)} ± ${scoreText(cvStd)}`)
  const done = `${foldsCompleted} of ${countText(foldsTotal, 'fold')}`
  return plain(cvSoFar === null ? `${done} done` : `CV so far ${scoreText(cvSoFar)} (${done})`)
}

function bestLine({ project, version }: Experiment, { best }: CardFacts): Line[] {
  if (best === null || best.version === version) return []
  return [plain(`Best of ${project}: ${scoreText(best.cv)} (#${best.version})`)]
}

function workLine({ folds }: Experiment, { interruptions }: CardFacts): Line {
  const attempts = folds.reduce((total, fold) => total + fold.attempts, 0)
  const eta = etaSeconds(folds)
  const parts = [countText(attempts, 'attempt'), countText(interruptions, 'interruption')]
  return plain((eta === null ? parts : [`ETA ${durationText(eta)}`, ...parts]).join(', '))
}
