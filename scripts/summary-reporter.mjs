/**
 * Vitest reporter: ends a run with one line, `N passed, N failed`, and `, N skipped` where some were.
 *
 * A failure that belongs to no test counts too, so that a run that failed never says `0 failed`: an error outside of
 * tests, and a file or group that could not be loaded or set up, whose tests then count as skipped.
 */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    process.stdout.write(`${summaryOf(modules, unhandledErrors)}\n`)
  }
}

/**
 * @param {Iterable<import('vitest/node').TestModule>} modules
 * @param {readonly unknown[]} unhandledErrors
 */
export function summaryOf(modules, unhandledErrors) {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      count[state === 'passed' || state === 'failed' ? state : 'skipped']++
    }
    for (const group of [module, ...module.children.allSuites()]) if (group.errors().length > 0) count.failed++
  }
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  return `${count.passed} passed, ${count.failed} failed${skipped}`
}
