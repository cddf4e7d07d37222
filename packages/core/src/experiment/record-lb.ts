import { AppError } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Store } from '../store.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Records leaderboard scores by hand; what is left out stays as it was, null clears. This is for what was submitted
 * elsewhere: once a submission of the experiment has a public score, LB is that of the best one.
 *
 * @throws {AppError} `not-found`; `conflict` when LB comes from a submission
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
  const { id } = await getExperiment({ store }, input)
  await store.transaction(async (tables) => {
    await tables.experiments.find(id, { lock: true })
    if ((await tables.submissions.best(id)) !== null)
      throw new AppError(
        'conflict',
        {},
        { detail: "LB is that of the experiment's best submission: score the submission instead" },
      )
    const before = await getExperiment({ store: tables }, input)
    const { lbPublic = before.lbPublic, lbPrivate = before.lbPrivate } = input
    await tables.experiments.recordLb(id, { lbPublic, lbPrivate })
    await emit(tables, id, { kind: 'lb-recorded', lbPublic, lbPrivate })
  })
  return getExperiment({ store }, input)
}
