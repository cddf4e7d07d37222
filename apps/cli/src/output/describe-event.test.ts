import type { Event, EventPayload } from '@baton/contracts'
import { expect, test } from 'vitest'
import { eventLine } from './describe-event.ts'

const failure = { code: 'out-of-memory' as const, detail: 'batch 64 does not fit', lastLines: [], step: 12 }

const cases: [EventPayload, string][] = [
  [{ kind: 'experiment-created', folds: 1 }, 'created with 1 fold'],
  [
    { kind: 'fold-leased', fold: 2, attempt: 3, session: 'kaggle-a', step: 400 },
    'fold 2 attempt 3: kaggle-a goes on from step 400',
  ],
  [
    { kind: 'fold-handed-over', fold: 2, attempt: 3, session: 'kaggle-a', step: 900 },
    'fold 2 attempt 3: kaggle-a handed over at step 900',
  ],
  [
    {
      kind: 'fold-completed',
      fold: 0,
      attempt: 2,
      attempts: 2,
      score: 0.61234,
      cvSoFar: 0.6,
      foldsCompleted: 1,
      foldsTotal: 5,
    },
    'fold 0 completed: score 0.6123 after 2 attempts; CV so far 0.6000 (1 of 5)',
  ],
  [
    { kind: 'fold-failed', fold: 0, attempt: 1, failure, outcome: 'retrying', retryInSeconds: 65 },
    'fold 0 attempt 1 failed: out-of-memory at step 12: batch 64 does not fit; tried again in 1 min 5 s',
  ],
  [
    { kind: 'fold-failed', fold: 0, attempt: 1, failure, outcome: 'given-up', retryInSeconds: null },
    'fold 0 attempt 1 failed: out-of-memory at step 12: batch 64 does not fit; given up',
  ],
  [
    { kind: 'session-lost', fold: 4, attempt: 1, session: 'colab', resumeStep: 250 },
    'fold 4 attempt 1: colab went silent; the fold goes on from step 250',
  ],
  [
    { kind: 'experiment-completed', cv: 0.6, cvMean: 0.59, cvStd: 0.01, attempts: 7, interruptions: 1 },
    'completed: CV 0.6000, 7 attempts, 1 interruption',
  ],
  [{ kind: 'experiment-failed', failure }, 'failed: out-of-memory at step 12: batch 64 does not fit'],
  [
    { kind: 'session-stopped', fold: 4, attempt: 1, session: 'colab', resumeStep: 250 },
    'fold 4 attempt 1: colab was stopped; the fold goes on from step 250',
  ],
  [{ kind: 'experiment-created', folds: 2, parent: 7 }, 'created with 2 folds from #7'],
  [{ kind: 'fold-retried', fold: 4, step: 250 }, 'fold 4 tried again from step 250'],
  [{ kind: 'experiment-paused' }, 'paused'],
  [{ kind: 'experiment-resumed' }, 'resumed'],
  [{ kind: 'experiment-cancelled' }, 'cancelled'],
  [
    { kind: 'experiment-cancelled', halving: { folds: 2, best: 41, behind: 0.0312, bound: 0.0158 } },
    'cancelled by halving: after its first 2 folds 0.0312 behind #41, more than 0.0158',
  ],
  [{ kind: 'lb-recorded', lbPublic: 0.65, lbPrivate: null }, 'LB recorded: public 0.6500, private -'],
  [
    { kind: 'submission-scored', submission: 3, lbPublic: 0.65, lbPrivate: 0.64, isNewBest: true },
    'submission 3 scored: LB public 0.6500, private 0.6400; the best of the project',
  ],
]

const eventOf = (payload: EventPayload): Event => ({
  id: 1,
  at: '2026-11-25T03:37:50.202Z',
  project: 'imet',
  experimentId: '01a210bc-0ab3-778b-85ae-0794e88b96af',
  version: 41,
  experiment: 'first',
  payload,
})

test.each(cases)('%o is a line', (payload, words) => expect(eventLine(eventOf(payload))).toBe(`03:37:50  ${words}`))

test("a session's name cannot steer the terminal", () => {
  const line = eventLine(eventOf({ kind: 'fold-leased', fold: 0, attempt: 1, session: 'a\u001b[2J', step: 0 }))
  expect(line).not.toContain('\u001b')
})
