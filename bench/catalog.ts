import type { Benchmark } from './figure.ts'

/** Every benchmark by its name, loaded when it is run; in the order of docs/benchmarks.md. */
export const catalog: Readonly<Record<string, () => Promise<Benchmark>>> = {
  training: async () => (await import('./training/index.ts')).default,
  pull: async () => (await import('./pull.ts')).default,
  checkpoint: async () => (await import('./checkpoint.ts')).default,
  dispatch: async () => (await import('./dispatch/index.ts')).dispatch,
  leaderboard: async () => (await import('./leaderboard.ts')).default,
  results: async () => (await import('./results.ts')).default,
}
