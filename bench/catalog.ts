import type { Benchmark } from './figure.ts'

/** Every benchmark by its name, loaded when it is run. */
export const catalog: Readonly<Record<string, () => Promise<Benchmark>>> = {
  checkpoint: async () => (await import('./checkpoint.ts')).default,
  dispatch: async () => (await import('./dispatch/index.ts')).dispatch,
  results: async () => (await import('./results.ts')).default,
  pull: async () => (await import('./pull.ts')).default,
  leaderboard: async () => (await import('./leaderboard.ts')).default,
}
