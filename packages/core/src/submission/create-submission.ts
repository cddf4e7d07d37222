import { AppError, pointerOf } from '@baton/contracts'
import type { Fault, Submission, SubmissionOptions } from '@baton/contracts'
import { getExperiment } from '../experiment/get-experiment.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'

/**
 * Accepts a submission of a completed experiment and asks for its file, in one transaction. A large test set takes a
 * while to write, so the file is the coordinator's work.
 *
 * @param input.id Names the request: a submission that it made before is answered again, not made twice.
 * @throws {AppError} `not-found`; `conflict` when the experiment is not completed or its dataset has no test samples;
 *   or it gives no labels; `blob-missing` for a template that was not uploaded; `request-invalid` for a threshold of a label group that its dataset does not have
 */
export async function createSubmission(
  { store, blobs }: { store: Store; blobs: Pick<BlobStore, 'stat'> },
  input: { project: string; version: number; options: SubmissionOptions; id: string | null },
): Promise<Submission> {
  const before = input.id === null ? null : await store.submissions.find(input.id)
  if (before !== null) return before.submission
  const experiment = await getExperiment({ store }, input)
  const refuse = (detail: string) => new AppError('conflict', { status: experiment.status }, { detail })
  if (experiment.status !== 'completed')
    throw refuse(`the experiment is ${experiment.status}; a submission is made of a completed one`)
  if (experiment.testPredictions === null) throw refuse('the dataset has no test samples to submit predictions of')
  if (
    experiment.spec.metric.threshold === 'none' &&
    (input.options.as ?? 'labels') === 'labels' &&
    !input.options.template
  )
    throw refuse('its metric has threshold none, so it gives no labels; submit probabilities')
  const { template } = input.options
  if (template !== null && (await blobs.stat(template)) === null)
    throw new AppError('blob-missing', { digests: [template] })
  const faults = unknownGroups(input.options, Object.keys(experiment.thresholds ?? {}))
  if (faults.length > 0) throw new AppError('request-invalid', {}, { faults })
  return store.transaction(async (tables) => {
    const submission = await tables.submissions.insert({
      ...(input.id === null ? {} : { id: input.id }),
      experimentId: experiment.id,
      options: input.options,
    })
    await tables.outbox.append([{ kind: 'make-submission', payload: { submissionId: submission.id } }])
    return submission
  })
}

function unknownGroups({ thresholds }: SubmissionOptions, groups: readonly string[]): Fault[] {
  return Object.keys(thresholds)
    .filter((group) => !groups.includes(group))
    .map((group) => ({
      pointer: pointerOf(['thresholds', group]),
      detail:
        groups.length === 0
          ? 'the labels of this experiment are not given by thresholds; leave it out'
          : `names no label group of the dataset; they are ${groups.join(', ')}`,
    }))
}
