import { defineConfig } from 'vitest/config'
import { bundledEntries } from './scripts/vitest-entries.mjs'

const plugins = [bundledEntries()]

/** `unit`: beside the source, nothing outside the process. `integration`: real PostgreSQL, S3, processes. */
export default defineConfig({
  test: {
    projects: [
      {
        plugins,
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'apps/*/src/**/*.test.ts',
            'examples/*.test.ts',
            'bench/**/*.test.ts',
          ],
          testTimeout: 30_000,
        },
      },
      {
        plugins,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    maxWorkers: 2,
    reporters: ['default', './scripts/summary-reporter.mjs'],
  },
})
