import type { DatasetManifest } from '@baton/contracts'
import { readFolds } from './read-folds.ts'
import type { ExperimentPredictions, FoldPredictions } from './read-folds.ts'

export interface CheckFoldInput extends Pick<ExperimentPredictions, 'spec'> {
  /** The dataset's, with all its label groups. */
  readonly manifest: DatasetManifest
  readonly predictions: FoldPredictions
}

/**
 * Whether predictions are those of their fold: `assemble` takes what passes here. Nothing is scored, searched or blended.
 *
 * @throws {AppError} `predictions-incomplete` as `readFolds`
 */
export function checkFold({ manifest, spec, predictions }: CheckFoldInput): void {
  readFolds(manifest, { spec: { ...spec, folds: { ...spec.folds, only: [predictions.fold] } }, folds: [predictions] })
}
