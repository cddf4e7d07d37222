import type { Submission } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Store } from '../store.ts'
import { assertReady, getSubmission } from './get-submission.ts'

/**
 * Records the scores that a submission got; what is left out stays as it was, null takes it back.
 *
 * The experiment's LB becomes that of its best submission: the one with the highest public score, the earlier of equal
 * ones. Where the last public score is taken back, the experiment has no LB until somebody records one.
 *
 * @throws {AppError} `not-found`; `conflict` while the submission has no file
 */
export async function scoreSubmission(
  { store }: { store: Store },
  input: {
    project: string
    number: number
    lbPublic?: number | null | undefined
    lbPrivate?: number | null | undefined
  },
): Promise<Submission> {
  const { id } = await getSubmission({ store }, input)
  await store.transaction(async (tables) => {
    const { experimentId, projectId } = (await tables.submissions.find(id))!
    await tables.experiments.find(experimentId, { lock: true })
    // Read under the lock: what somebody else has just recorded stays.
    const before = (await tables.submissions.find(id))!.submission
    assertReady(before)
    const { lbPublic = before.lbPublic, lbPrivate = before.lbPrivate } = input
    const lbBestBefore = await tables.experiments.bestLb(projectId)
    await tables.submissions.score(id, { lbPublic, lbPrivate })
    const best = await tables.submissions.best(experimentId)
    if (best !== null) await tables.experiments.recordLb(experimentId, best)
    else if (before.lbPublic !== null)
      await tables.experiments.recordLb(experimentId, { lbPublic: null, lbPrivate: null })
    const isNewBest = lbPublic !== null && (lbBestBefore === null || lbPublic > lbBestBefore)
    await emit(tables, experimentId, {
      kind: 'submission-scored',
      submission: before.number,
      lbPublic,
      lbPrivate,
      isNewBest,
    })
  })
  return getSubmission({ store }, input)
}
