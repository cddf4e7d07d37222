import { isAppError } from '@baton/contracts'
import { readTwice } from '../blobs.ts'
import type { BlobStore } from '../ports.ts'
import { maxManifestBytes } from '../project/create-dataset-version.ts'
import type { Store } from '../store.ts'
import type { RenderedSubmission, RenderSubmissionInput } from './render-submission.ts'

/** A row of a name for each of some millions of samples; more is no sample submission. */
const maxTemplateBytes = 2 ** 28

/** Seconds for a hundred thousand samples, so services run it off the thread that answers calls. */
export type RenderSubmission = (input: RenderSubmissionInput) => Promise<RenderedSubmission>

/**
 * Makes a submission's file and stores it. Running it again, or twice at once, changes nothing: equal predictions and
 * options give equal bytes, and the row changes once.
 *
 * What cannot be made at all fails the submission; storage that is away has the job come again.
 */
export async function makeSubmission(
  { store, blobs, render }: { store: Store; blobs: BlobStore; render: RenderSubmission },
  { submissionId }: { submissionId: string },
): Promise<void> {
  const record = await store.submissions.find(submissionId)
  if (record?.submission.status !== 'queued') return
  const { dataset, metric, labels, testPredictions, submission } = record
  const { template } = submission.options
  try {
    const { csv, rows, thresholds } = await render({
      manifest: await readTwice(blobs, dataset.manifest.digest, maxManifestBytes),
      predictions: await readTwice(blobs, testPredictions.digest, testPredictions.sizeBytes),
      metric,
      labels,
      options: submission.options,
      template: template === null ? null : await readTwice(blobs, template, maxTemplateBytes),
    })
    await store.submissions.setReady(submissionId, { file: await blobs.write(csv), rows, thresholds })
  } catch (error) {
    const isLasting = [
      'conflict',
      'predictions-incomplete',
      'blob-missing',
      'digest-mismatch',
      'payload-too-large',
    ] as const
    const code = isLasting.find((lasting) => isAppError(error, lasting))
    if (code === undefined) throw error
    await store.submissions.setFailed(submissionId, { code, detail: (error as Error).message })
  }
}
