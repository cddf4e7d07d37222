import { labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { blendTables, weightedMean } from '../ensemble/blend-tables.ts'
import { rank } from '../ensemble/rank-average.ts'
import { thresholdFactors } from '../knn/near.ts'
import { tunedOof, tunedTest, tuneFolds } from '../knn/tune-folds.ts'
import { keyOf } from '../knn/search-tuning.ts'
import type { Tuning } from '../knn/search-tuning.ts'
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
  /** w of the neighbours' vote, given or searched on all OOF; null: there is none. */
  readonly knnWeight: number | null
  /** s by which distances lower thresholds, searched on all OOF; null: they do not. */
  readonly distanceSlope: number | null
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
  /** What thresholds of each sample are multiplied by; null: they are the same for all. [n] */
  readonly factor: Float32Array | null
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
  const tuningWithout = tuneFolds(folds, spec, labelsOf(manifest).length, scorer)
  const tuning = tuningWithout(null)
  const prepare = (by: Tuning) => folds.map((fold) => scorer.prepare(tunedOof(fold, by)))
  const tables = prepare(tuning)
  const scores = scoreFolds(
    folds.map(({ fold }) => fold),
    (left) => {
      const without = tuningWithout(left)
      return keyOf(without) === keyOf(tuning) ? tables : prepare(without)
    },
    scorer,
  )
  const sample = folds.flatMap((fold) => [...fold.sample])
  return {
    ...scores,
    knnWeight: spec.knn && tuning.weight,
    distanceSlope: metric.threshold === 'distance' ? tuning.slope : null,
    report: withReport ? report(tables, scores, { manifest, sample, ranges, metric, seed }) : null,
    test: testEnsemble({ manifest, spec }, folds, scores, tuning),
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
  tuning: Tuning,
): TestEnsemble | null {
  const sample = samplesOf(manifest, 'test')
  if (sample.length === 0) return null
  const { ensemble, metric } = spec
  const labels = labelsOf(manifest).length
  const value = blendTables(
    folds.map((fold) => tunedTest(fold, tuning)),
    labels,
    ensemble,
  )
  if (ensemble.blend === 'mean') {
    const factor = metric.threshold === 'distance' ? factorOf(folds, tuning) : null
    return { sample, space: 'probability', value, thresholds, factor }
  }
  const scorer = scorerOf(metric, labelRanges(manifest), 'rank')
  const ranked = folds.map((fold) => {
    const { probability, actual } = tunedOof(fold, tuning)
    return scorer.prepare({ probability: rank(probability, labels, ensemble.scope), actual })
  })
  return { sample, space: 'rank', value, thresholds: scorer.search(ranked), factor: null }
}

/** By the mean of the folds' relative distances. [test samples] */
function factorOf(folds: readonly FoldTable[], { slope }: Tuning): Float32Array {
  return thresholdFactors(weightedMean(folds.map(({ near }) => near!.test!.distance)), slope)
}
