import { expect, test } from 'vitest'
import { noticeOf } from './events.ts'
import type { EventPayload } from './events.ts'
import type { Failure } from './resources.ts'

const scored = { kind: 'submission-scored', submission: 3, lbPublic: 0.651, lbPrivate: null } as const
const failure: Failure = { code: 'loss-not-finite', detail: 'NaN', lastLines: [], step: 3 }
const failed = { kind: 'fold-failed', fold: 2, attempt: 3, failure } as const

test.each<[EventPayload, ReturnType<typeof noticeOf>]>([
  [{ kind: 'experiment-completed', cv: 1, cvMean: 1, cvStd: 0, attempts: 1, interruptions: 0 }, 'urgent'],
  [{ ...failed, outcome: 'given-up', retryInSeconds: null }, 'urgent'],
  [{ ...scored, isNewBest: true }, 'urgent'],
  [{ kind: 'lb-recorded', lbPublic: 0.6, lbPrivate: null, isNewBest: true }, 'urgent'],
  [{ ...failed, outcome: 'retrying', retryInSeconds: 1 }, 'quiet'],
  [{ ...scored, isNewBest: false }, 'quiet'],
  [{ kind: 'session-lost', fold: 0, attempt: 1, session: 's', resumeStep: 0 }, 'quiet'],
  [{ kind: 'experiment-paused' }, 'quiet'],
  [{ kind: 'lb-recorded', lbPublic: 0.6, lbPrivate: null, isNewBest: false }, null],
  [{ kind: 'experiment-cancelled' }, null],
  [{ kind: 'experiment-cancelled', halving: { folds: 1, best: 41, behind: 0.05, bound: 0.02 } }, 'quiet'],
])('only what somebody should look up for makes a sound: %j is %s', (payload, notice) => {
  expect(noticeOf(payload)).toBe(notice)
})
