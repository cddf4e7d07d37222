import type { DatasetManifest, StageSpec } from '@baton/contracts'
import { AppError, labelRanges } from '@baton/contracts'
import { positiveWeights } from '../losses/positive-weights.ts'
import { trainedGroups } from '../models/groups.ts'
import type { Model } from '../models/model.ts'
import { lrScales } from './lr-scale.ts'

/**
 * Holds a stage to the model and the dataset, as far as no schema can: so that what is wrong shows before the first
 * step, and not after the stages before it.
 *
 * @param samples The indexes of the training samples, validation included.
 * @throws {AppError} `spec-invalid`
 */
export function checkStage(
  stage: StageSpec,
  { model, manifest, samples }: { model: Model; manifest: DatasetManifest; samples: Int32Array },
): void {
  trainedGroups(model, stage)
  lrScales(model, stage)
  if ('positiveWeight' in stage.loss) positiveWeights(stage.loss.positiveWeight, labelRanges(manifest))
  if (stage.loss.name === 'softmax') checkSingleLabels(manifest, samples)
}

function checkSingleLabels({ samples }: DatasetManifest, indexes: Int32Array): void {
  const index = indexes.find((i) => samples[i]!.labels.length !== 1)
  if (index === undefined) return
  const { id, labels } = samples[index]!
  const detail = `the loss softmax is for samples of exactly one label; sample ${id} has ${labels.length}`
  throw new AppError('spec-invalid', { sample: id }, { detail })
}
