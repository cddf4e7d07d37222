import { labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { blendTables } from '../ensemble/blend-tables.ts'
import { rank } from '../ensemble/rank-average.ts'
import { scorerOf } from '../metric/score.ts'
import type { Space } from '../metric/search-thresholds.ts'
import { samplesOf } from '../samples.ts'
import { readFolds } from './read-folds.ts'
import type { ExperimentPredictions, FoldTable } from './read-folds.ts'
import { report, scoreFolds } from './score-folds.ts'
import type { Report, Scores } from './score-folds.ts'

export interface AssembleInput extends ExperimentPredictions {
  /** The dataset's, with all its label groups; the spec says which of them are predicted. */
  readonly manifest: DatasetManifest
  /** With `report` in the answer: of a large dataset it takes as long again, so it is made once, at the end. */
  readonly withReport?: boolean
}

/** An experiment's result. */
export interface Assembly extends Scores {
  readonly report: Report | null
  readonly test: TestEnsemble | null
}

/** Test predictions of several models as one. */
export interface TestEnsemble {
  /** All test samples, ascending indexes in the manifest. [n] */
  readonly sample: Int32Array
  /** What `value` holds: probabilities, or ranks, in (0, 1). */
  readonly space: Space
  /** Row-major. [n, labels] */
  readonly value: Float32Array
  /** Where `binarise` cuts `value`: searched on OOF in the same space. */
  readonly thresholds: readonly number[]
}

/**
 * An experiment's CV, thresholds and test prediction, from what its folds predicted and the labels of its dataset alone.
 *
 * Equal input gives equal output, in whatever order folds and rows come.
 *
 * @throws {AppError} `predictions-incomplete` as `readFolds`
 */
export function assemble(input: AssembleInput): Assembly {
  const { spec, withReport = false } = input
  const { metric, seed } = spec
  const manifest = ofLabelGroups(input.manifest, spec.labels)
  const ranges = labelRanges(manifest)
  const folds = readFolds(input.manifest, input)
  const scorer = scorerOf(metric, ranges)
  const tables = folds.map(({ oof }) => scorer.prepare(oof))
  const scores = scoreFolds(
    folds.map(({ fold }) => fold),
    () => tables,
    scorer,
  )
  const sample = folds.flatMap((fold) => [...fold.sample])
  return {
    ...scores,
    report: withReport ? report(tables, scores, { manifest, sample, ranges, metric, seed }) : null,
    test: testEnsemble({ manifest, spec }, folds, scores),
  }
}

/**
 * The folds' test predictions as one. Ranks are ranked once more after their mean: it spreads less than ranks do, and
 * ranking it again makes a threshold cut off the same share of both. Their thresholds are searched on OOF ranked within
 * its fold.
 */
function testEnsemble(
  { manifest, spec }: Pick<AssembleInput, 'manifest' | 'spec'>,
  folds: readonly FoldTable[],
  { thresholds }: Scores,
): TestEnsemble | null {
  const sample = samplesOf(manifest, 'test')
  if (sample.length === 0) return null
  const { ensemble, metric } = spec
  const labels = labelsOf(manifest).length
  const value = blendTables(
    folds.map(({ test }) => test!),
    labels,
    ensemble,
  )
  if (ensemble.blend === 'mean') return { sample, space: 'probability', value, thresholds }
  const scorer = scorerOf(metric, labelRanges(manifest), 'rank')
  const ranked = folds.map(({ oof: { probability, actual } }) =>
    scorer.prepare({ probability: rank(probability, labels, ensemble.scope), actual }),
  )
  return { sample, space: 'rank', value, thresholds: scorer.search(ranked) }
}
