import { AppError, foldsOf, labelRanges, labelsOf } from '@baton/contracts'
import type { DatasetManifest, ExperimentSpec, MetricSpec } from '@baton/contracts'
import { rank, rankAverage } from '../ensemble/rank-average.ts'
import { candidatesOf, probabilityGrid, scoreAt, searchCandidates } from '../metric/search-thresholds.ts'
import type { Candidates } from '../metric/search-thresholds.ts'
import { labelTable, samplesOf } from '../samples.ts'
import type { Predictions } from '../samples.ts'
import { splitFolds } from '../split/split-folds.ts'

/** What one finished fold predicted. */
export interface FoldPredictions {
  readonly fold: number
  readonly oof: Predictions
  /** Null exactly when the dataset has no test samples. */
  readonly test: Predictions | null
}

export interface AssembleInput {
  readonly manifest: DatasetManifest
  readonly spec: Pick<ExperimentSpec, 'folds' | 'seed' | 'metric'>
  readonly folds: readonly FoldPredictions[]
}

/** An experiment's result. Scores are F-beta averaged over samples, 0 to 1, higher is better. */
export interface Assembly {
  /** Over all OOF pooled, at `thresholds`: they were searched on the same OOF, so it is slightly optimistic. */
  readonly cv: number
  /** Mean of `foldScores`. */
  readonly cvMean: number
  /** Standard deviation of `foldScores` as a population (divided by their number). */
  readonly cvStd: number
  /** Each fold at thresholds searched on the other folds only: nested, not optimistic. A lone fold has no others and is scored at its own. */
  readonly foldScores: readonly { fold: number; score: number }[]
  /** Searched on all OOF probabilities, one for each label group. */
  readonly thresholds: readonly number[]
  readonly test: TestEnsemble | null
}

export interface TestEnsemble {
  /** All test samples, ascending indexes in the manifest. [n] */
  readonly sample: Int32Array
  /** Rank average over the folds, scope `table`, ranked once more. Row-major, in (0, 1). [n, labels] */
  readonly rank: Float32Array
  /** Where `binarise` cuts `rank`, one for each label group: searched on OOF ranked within its fold. */
  readonly thresholds: readonly number[]
}

function incomplete(detail: string, facts: Record<string, unknown>): AppError {
  return new AppError('predictions-incomplete', facts, { detail })
}

/** Rows in the order of `expected`. Throws unless they cover it exactly once with numbers from 0 to 1. */
function inOrder(predictions: Predictions, expected: Int32Array, labels: number, where: string): Float32Array {
  const { sample, probability } = predictions
  if (probability.length !== sample.length * labels)
    throw incomplete(`${where} has ${probability.length} values for ${sample.length} samples of ${labels} labels`, {})
  const bad = probability.findIndex((p) => !(p >= 0 && p <= 1))
  if (bad >= 0)
    throw incomplete(`${where} has ${probability[bad]} for a probability`, { sample: sample[Math.floor(bad / labels)] })
  if (sample.length !== expected.length)
    throw incomplete(`${where} has ${sample.length} rows, but its samples are ${expected.length}`, {})
  const rowOf = new Map(Array.from(sample, (index, row) => [index, row]))
  const missing = expected.find((index) => !rowOf.has(index))
  if (missing !== undefined) throw incomplete(`${where} lacks sample ${missing}`, { sample: missing })
  if (sample.every((index, row) => index === expected[row])) return probability
  const ordered = new Float32Array(probability.length)
  expected.forEach((index, row) => {
    const from = rowOf.get(index)! * labels
    ordered.set(probability.subarray(from, from + labels), row * labels)
  })
  return ordered
}

/** The folds that the spec trains, ascending. Throws unless each is there exactly once. */
function allFolds({ spec, folds }: AssembleInput): FoldPredictions[] {
  const wanted = foldsOf(spec)
  const given = folds.map(({ fold }) => fold).toSorted((a, b) => a - b)
  if (given.join() !== wanted.join())
    throw incomplete(
      `predictions are of folds ${given.join(', ') || 'none'}, but the spec trains ${wanted.join(', ')}`,
      {
        given,
        wanted,
      },
    )
  return folds.toSorted((a, b) => a.fold - b.fold)
}

/**
 * Thresholds for ranks of scope `table`: above 1 − m / labels lie m values for each sample on average.
 * 99 of them, for m from K_max down to K_max / 99.
 */
function rankGrid(labels: number, { maxLabels }: MetricSpec): number[] {
  const most = Math.min(maxLabels, labels)
  return Array.from({ length: 99 }, (_, i) => 1 - (most * (99 - i)) / 99 / labels)
}

function populationStd(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

/**
 * An experiment's CV, thresholds and test prediction, from what its folds predicted and the labels of its dataset alone.
 *
 * The split is recomputed from manifest, spec and seed, so a fold that predicted other samples than its own is found.
 * Equal input gives equal output, in whatever order folds and rows come.
 *
 * @throws {AppError} `predictions-incomplete` unless every fold covers its validation samples, and all test samples,
 *   exactly once with numbers from 0 to 1.
 */
export function assemble(input: AssembleInput): Assembly {
  const { manifest, spec } = input
  const ranges = labelRanges(manifest)
  const labels = labelsOf(manifest).length
  const folds = allFolds(input)
  const testSample = samplesOf(manifest, 'test')
  const foldOf = splitFolds(manifest, spec.folds, spec.seed)

  const probabilities: Candidates[] = []
  const ranks: Candidates[] = []
  const ranksGrid = rankGrid(labels, spec.metric)
  for (const { fold, oof } of folds) {
    const sample = Int32Array.from(foldOf.keys()).filter((index) => foldOf[index] === fold)
    const probability = inOrder(oof, sample, labels, `the OOF of fold ${fold}`)
    const actual = labelTable(manifest, sample)
    probabilities.push(candidatesOf({ probability, actual }, ranges, spec.metric, probabilityGrid[0]!))
    if (testSample.length === 0) continue
    const ranked = { probability: rank(probability, labels, 'table'), actual }
    ranks.push(candidatesOf(ranked, ranges, spec.metric, ranksGrid[0]!))
  }

  const search = (parts: readonly Candidates[]) => searchCandidates(parts, ranges.length, spec.metric, probabilityGrid)
  const { thresholds, score: cv } = search(probabilities)
  const foldScores = folds.map(({ fold }, i) => {
    const others = folds.length === 1 ? probabilities : probabilities.toSpliced(i, 1)
    return { fold, score: scoreAt([probabilities[i]!], search(others).thresholds, spec.metric) }
  })
  const scores = foldScores.map(({ score }) => score)
  const cvMean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const cvStd = populationStd(scores, cvMean)
  const test = testEnsemble(folds, testSample, labels)
  if (!test) return { cv, cvMean, cvStd, foldScores, thresholds, test }
  const { thresholds: rankThresholds } = searchCandidates(ranks, ranges.length, spec.metric, ranksGrid)
  return { cv, cvMean, cvStd, foldScores, thresholds, test: { ...test, thresholds: rankThresholds } }
}

/** A mean of ranks spreads less than ranks do; ranking it again makes a threshold cut off the same share of both. */
function testEnsemble(
  folds: readonly FoldPredictions[],
  sample: Int32Array,
  labels: number,
): Omit<TestEnsemble, 'thresholds'> | null {
  const tables = folds.flatMap(({ fold, test }) => {
    if (test) return [inOrder(test, sample, labels, `the test prediction of fold ${fold}`)]
    if (sample.length > 0) throw incomplete(`fold ${fold} has no test prediction`, { fold })
    return []
  })
  if (sample.length === 0) return null
  return { sample, rank: rank(rankAverage(tables, labels, 'table'), labels, 'table') }
}
