import type { Experiment, Fold, LeaderboardRow, Session } from '@baton/contracts'
import { expect, test } from 'vitest'
import { toText } from './message.ts'
import { renderLeaderboard } from './render-leaderboard.ts'
import { renderStatus } from './render-status.ts'

const aRow = (row: Partial<LeaderboardRow>) =>
  ({ version: 1, name: 'baseline', cv: 0.5, lbPublic: null, ...row }) as LeaderboardRow

const progress = {
  step: 6000,
  totalSteps: 10_000,
  epoch: 1,
  stage: 'all',
  loss: 0.1,
  lr: 0.1,
  imagesPerSecond: 1,
  etaSeconds: 3900,
}
const aFold = (fold: Partial<Fold>) =>
  ({ index: 0, status: 'ready', progress: null, score: null, sessionId: null, ...fold }) as Fold
const anExperiment = (folds: Fold[]) =>
  ({
    project: 'imet',
    version: 41,
    name: 'resnet',
    status: 'running',
    foldsCompleted: 1,
    foldsTotal: 5,
    folds,
  }) as Experiment
const aSession = (session: Partial<Session>) =>
  ({
    id: 's1',
    name: 'kaggle-a',
    provider: 'kaggle',
    accelerator: 'P100',
    status: 'active',
    secondsLeft: 18_720,
    ...session,
  }) as Session

test('a leaderboard has version, CV and LB in 46 columns, whatever the names are', () => {
  const rows = [
    aRow({ version: 12_345, name: 'a very long name that nobody reads to its end', cv: 0.65125, lbPublic: 0.6481 }),
    aRow({ version: 2 }),
  ]
  const lines = toText(renderLeaderboard('imet', rows)).split('\n')
  expect(lines).toEqual([
    'imet',
    '             CV      LB',
    '  #12345  0.6512  0.6481 a very long name that …',
    '  #2     0.5000       – baseline',
  ])
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(46 + 2)
})

test('an empty leaderboard says so', () => {
  expect(toText(renderLeaderboard('imet', []))).toBe('imet\nNo experiment is completed yet.')
})

test('status shows each fold as a bar with steps, time left and session', () => {
  const folds = [
    aFold({ index: 0, status: 'completed', score: 0.65125 }),
    aFold({ index: 1, status: 'leased', progress, sessionId: 's1' }),
    aFold({ index: 2, status: 'ready', progress }),
    aFold({ index: 3, status: 'leased', sessionId: 's1' }),
    aFold({ index: 4, status: 'failed' }),
  ]
  const gone = aSession({ id: 's2', name: 'gone', status: 'lost' })
  expect(toText(renderStatus([anExperiment(folds)], [aSession({}), gone])).split('\n')).toEqual([
    'imet #41 resnet: running, 1 of 5 folds',
    '  f0 ██████████ done 0.6512',
    '  f1 ██████░░░░ 6000/10000 ETA 1h05m kaggle-a',
    '  f2 ██████░░░░ 6000/10000 waiting',
    '  f3 ░░░░░░░░░░ starting kaggle-a',
    '  f4 ░░░░░░░░░░ failed',
    'Sessions:',
    '  kaggle-a: kaggle, P100, 5h12m left',
  ])
})

test('status says when nothing runs', () => {
  expect(toText(renderStatus([], []))).toBe('No experiment is running.\nNo session is there.')
})
