import { AppError } from '@baton/contracts'
import type { Experiment, Lb } from '@baton/contracts'
import type { IfMatch } from '../if-match.ts'
import { emit } from '../notification/emit.ts'
import type { Store } from '../store.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Records leaderboard scores by hand; what is left out stays as it was, null clears. This is for what was submitted
 * elsewhere: once a submission of the experiment has a public score, LB is that of the best one. People are told of a
 * public score above all that the project had.
 *
 * @throws {AppError} `not-found`, `precondition-failed`; `conflict` when LB comes from a submission
 */
export async function recordLb(
  { store }: { store: Store },
  input: {
    project: string
    version: number
    lbPublic?: number | null | undefined
    lbPrivate?: number | null | undefined
    ifMatch: IfMatch
  },
): Promise<Lb> {
  const { id } = await getExperiment({ store }, input)
  return store.transaction(async (tables) => {
    const { projectId } = (await tables.experiments.find(id, { lock: true }))!
    const before = lbOf(await getExperiment({ store: tables }, input))
    input.ifMatch(before)
    if ((await tables.submissions.best(id)) !== null)
      throw new AppError(
        'conflict',
        {},
        { detail: "LB is that of the experiment's best submission: score the submission instead" },
      )
    const { lbPublic = before.lbPublic, lbPrivate = before.lbPrivate } = input
    const isNewBest = lbPublic !== null && lbPublic > ((await tables.experiments.bestLb(projectId)) ?? -Infinity)
    await tables.experiments.recordLb(id, { lbPublic, lbPrivate })
    await emit(tables, id, { kind: 'lb-recorded', lbPublic, lbPrivate, isNewBest })
    return { lbPublic, lbPrivate }
  })
}

/** The leaderboard scores of an experiment, as a resource of their own. */
export function lbOf({ lbPublic, lbPrivate }: Experiment): Lb {
  return { lbPublic, lbPrivate }
}
