import type { Event, EventPayload, Failure } from '@baton/contracts'
import { describe, expect, test } from 'vitest'
import { toHtml, toText } from './message.ts'
import { renderEvent } from './render-event.ts'

const anEvent = (payload: EventPayload): Event => ({
  id: 1,
  at: '2026-01-01T00:00:00.000Z',
  project: 'imet',
  experimentId: '0198c0de-0000-7000-8000-000000000000',
  version: 41,
  experiment: 'resnet <b>',
  payload,
})
const textOf = (payload: EventPayload) => toText(renderEvent(anEvent(payload))).split('\n')

const outOfMemory: Failure = {
  code: 'out-of-memory',
  detail: 'failed to allocate 2.1 GiB',
  lastLines: ['1', '2', '3', '4', '5', 'OOM when <allocating>'],
  step: 1200,
}
const failed = { kind: 'fold-failed', fold: 2, attempt: 3, session: 'kaggle-3', failure: outOfMemory } as const

test('a finished fold says its score, the CV so far and how many folds are done', () => {
  const payload = {
    kind: 'fold-completed',
    fold: 2,
    attempt: 3,
    attempts: 3,
    score: 0.65125,
    cvSoFar: 0.64,
    foldsCompleted: 3,
    foldsTotal: 5,
  } as const
  expect(textOf(payload)).toEqual([
    '✅ imet #41 resnet <b>: fold 2 done',
    'Score 0.6512, CV so far 0.6400 (3 of 5 folds)',
    '3 attempts',
  ])
})

describe('a failed fold', () => {
  test('says fold, attempt, step, cause, what was done, what to do, and the last five lines', () => {
    expect(textOf({ ...failed, outcome: 'retrying', retryInSeconds: 12.4 })).toEqual([
      '⚠️ imet #41 resnet <b>: fold 2 failed in attempt 3 on kaggle-3',
      'The training ran out of memory at step 1200 (cause: memory)',
      'failed to allocate 2.1 GiB',
      'It is tried again in 12s, from its last checkpoint.',
      'Give `accumulate` a larger number, or use a smaller image size or model, or a machine with more memory.',
      '  2',
      '  3',
      '  4',
      '  5',
      '  OOM when <allocating>',
    ])
  })

  test('says that it was given up', () => {
    const [first, ...rest] = textOf({ ...failed, outcome: 'given-up', retryInSeconds: null })
    expect(first).toMatch(/^❌/)
    expect(rest).toContain('The fold was given up; what other folds trained stays.')
  })

  test('escapes what the notebook wrote', () => {
    const html = toHtml(renderEvent(anEvent({ ...failed, outcome: 'given-up', retryInSeconds: null })))
    expect(html).toContain('resnet &lt;b&gt;')
    expect(html).toContain('<pre>2\n3\n4\n5\nOOM when &lt;allocating&gt;</pre>')
  })

  test('loses neither its remedy nor its newest log line, however long everything is', () => {
    const long = '&'.repeat(4000)
    const failure = {
      ...outOfMemory,
      detail: long,
      lastLines: Array.from({ length: 50 }, (_, i) => `${i} ${long.slice(0, 990)}`),
    }
    const html = toHtml(
      renderEvent({
        ...anEvent({ ...failed, failure, outcome: 'given-up', retryInSeconds: null }),
        experiment: long.slice(0, 120),
      }),
    )
    expect(html.length).toBeLessThanOrEqual(4096)
    expect(html).toContain('Give `accumulate` a larger number')
    expect(html).toContain('\n49 &amp;')
  })
})

test('a lost session says where the fold goes on', () => {
  expect(textOf({ kind: 'session-lost', fold: 0, attempt: 1, session: 'kaggle-3', resumeStep: 12000 })).toEqual([
    '🔌 imet #41 resnet <b>: session kaggle-3 lost',
    'Fold 0 (attempt 1) goes on from step 12000.',
  ])
})

test('a finished experiment says CV, mean ± standard deviation, attempts and interruptions', () => {
  const payload = {
    kind: 'experiment-completed',
    cv: 0.65,
    cvMean: 0.649,
    cvStd: 0.0031,
    attempts: 7,
    interruptions: 1,
  } as const
  expect(textOf(payload).slice(1)).toEqual([
    'CV 0.6500, folds 0.6490 ± 0.0031 (mean ± standard deviation)',
    '7 attempts, 1 interruption',
  ])
})

test('a failed experiment says why and what to do', () => {
  const failure: Failure = { code: 'user-code-failed', detail: '', lastLines: ['TypeError: x'], step: null }
  expect(textOf({ kind: 'experiment-failed', failure })).toEqual([
    '❌ imet #41 resnet <b>: failed',
    'The code bundle failed (cause: user code)',
    'Read the last lines of the log, correct the code and start a new experiment.',
    '  TypeError: x',
  ])
})

const scored = {
  kind: 'submission-scored',
  submission: 3,
  lbPublic: 0.651,
  lbPrivate: null,
  isNewBest: true,
} as const

test('a scored submission says its scores, and that it is the best', () => {
  expect(textOf(scored)).toEqual([
    '🏆 imet #41 resnet <b>: submission 3 scored',
    'LB public 0.6510, private –: the best of the project',
  ])
})

test('what somebody did says what became of it', () => {
  expect(textOf({ kind: 'experiment-paused' })).toEqual(['⏸ imet #41 resnet <b>: paused'])
  expect(textOf({ kind: 'experiment-resumed' })).toEqual(['▶️ imet #41 resnet <b>: resumed'])
  expect(textOf({ kind: 'fold-retried', fold: 2, step: 700 })).toEqual([
    '🔁 imet #41 resnet <b>: fold 2 tried again from step 700',
  ])
  expect(textOf({ kind: 'experiment-created', folds: 5, parent: 40 })).toEqual([
    'imet #41 resnet <b>: started with 5 folds',
    'From the spec of #40',
  ])
})
