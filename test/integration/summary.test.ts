import type { TestModule } from 'vitest/node'
import { expect, test } from 'vitest'
import { summaryOf } from '../../scripts/summary-reporter.mjs'

type State = 'passed' | 'failed' | 'skipped' | 'pending'

function aModule(states: State[], errors: { module?: unknown[]; suites?: unknown[][] } = {}): TestModule {
  const module = {
    errors: () => errors.module ?? [],
    children: {
      allTests: () => states.map((state) => ({ result: () => ({ state }) })),
      allSuites: () => (errors.suites ?? []).map((found) => ({ errors: () => found })),
    },
  }
  return module as unknown as TestModule
}

test('a run ends with what passed, failed and did not run', () => {
  expect(summaryOf([aModule(['passed', 'passed']), aModule(['failed'])], [])).toBe('2 passed, 1 failed')
  expect(summaryOf([aModule(['passed', 'skipped', 'pending'])], [])).toBe('1 passed, 0 failed, 2 skipped')
  expect(summaryOf([], [])).toBe('0 passed, 0 failed')
})

test('a failure outside of tests counts as one', () => {
  const notLoaded = aModule([], { module: [new Error('no such file')] })
  const notSetUp = aModule(['skipped'], { suites: [[], [new Error('beforeAll')]] })
  expect(summaryOf([notLoaded, notSetUp], [new Error('unhandled')])).toBe('0 passed, 3 failed, 1 skipped')
})
