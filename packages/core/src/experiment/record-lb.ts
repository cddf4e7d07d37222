import type { Experiment } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Store } from '../store.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Records leaderboard scores by hand; what is left out stays as it was, null clears.
 * @throws {AppError} `not-found`
 */
export async function recordLb(
  { store }: { store: Store },
  input: {
    project: string
    version: number
    lbPublic?: number | null | undefined
    lbPrivate?: number | null | undefined
  },
): Promise<Experiment> {
  const before = await getExperiment({ store }, input)
  const { lbPublic = before.lbPublic, lbPrivate = before.lbPrivate } = input
  await store.transaction(async (tables) => {
    await tables.experiments.recordLb(before.id, { lbPublic, lbPrivate })
    await emit(tables, before.id, { kind: 'lb-recorded', lbPublic, lbPrivate })
  })
  return getExperiment({ store }, input)
}
