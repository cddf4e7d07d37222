import type { Event, EventPayload } from '@baton/contracts'
import { expect, test } from 'vitest'
import { toHtml, toText } from './message.ts'
import { fittingDigest } from './render-digest.ts'

const anEvent = (payload: EventPayload, version = 41): Event => ({
  id: 1,
  at: '2026-01-01T00:00:00.000Z',
  project: 'imet',
  experimentId: `0198c0de-0000-7000-8000-${String(version).padStart(12, '0')}`,
  version,
  experiment: 'resnet <b>',
  payload,
})
const done = (fold: number): EventPayload => ({
  kind: 'fold-completed',
  fold,
  attempt: 1,
  attempts: 1,
  score: 0.6,
  cvSoFar: 0.6 + fold / 100,
  foldsCompleted: fold + 1,
  foldsTotal: 5,
})
const lost = (fold: number): EventPayload => ({ kind: 'session-lost', fold, attempt: 1, session: 's', resumeStep: 9 })

test('a digest says per experiment what its messages would have said', () => {
  const failure = { code: 'out-of-memory' as const, detail: '', lastLines: [], step: null }
  const retried: EventPayload = {
    kind: 'fold-failed',
    fold: 2,
    attempt: 1,
    failure,
    outcome: 'retrying',
    retryInSeconds: 5,
  }
  const events = [anEvent(done(0)), anEvent(lost(1)), anEvent(done(1)), anEvent(lost(1)), anEvent(retried)]
  const { message, count } = fittingDigest([...events, anEvent({ kind: 'experiment-paused' }, 42)])
  expect(count).toBe(6)
  expect(toText(message).split('\n')).toEqual([
    '🗒 Digest of 6 messages',
    'imet #41 resnet <b>',
    '✅ 2 folds done: 0, 1. CV so far 0.6100 (2 of 5 folds)',
    '⚠️ 1 failure, tried again: The training ran out of memory',
    '🔌 2 sessions lost; fold 1 went on from the last checkpoint',
    'imet #42 resnet <b>',
    '⏸ paused',
  ])
})

test('no message of a digest is lost: what does not fit is left for the next one', () => {
  const events = Array.from({ length: 500 }, (_, version) => anEvent(done(0), version + 1))
  const { message, count } = fittingDigest(events)
  expect(count).toBeGreaterThan(10)
  expect(count).toBeLessThan(500)
  expect(toHtml(message)).not.toContain('…')
  expect(toText(message)).toContain(`imet #${count} `)
})
