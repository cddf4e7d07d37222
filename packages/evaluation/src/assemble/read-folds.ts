import { AppError, foldsOf, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { DatasetManifest, ExperimentSpec } from '@baton/contracts'
import type { Scored } from '../metric/candidates.ts'
import { relativeDistance } from '../knn/near.ts'
import { labelTable, samplesOf } from '../samples.ts'
import type { Near, Predictions } from '../samples.ts'
import { splitFolds } from '../split/split-folds.ts'

/** What one finished fold predicted. */
export interface FoldPredictions {
  readonly fold: number
  readonly oof: Predictions
  /** Null exactly when the dataset has no test samples. */
  readonly test: Predictions | null
}

/** A fold's OOF with its truth, rows in the order of `sample`; and its test prediction, rows in the manifest's order. */
export interface FoldTable {
  readonly fold: number
  /** The samples it validates, ascending indexes in the manifest. [n] */
  readonly sample: Int32Array
  readonly oof: Scored
  /** Null exactly when the dataset has no test samples. [test samples, labels] */
  readonly test: Float32Array | null
  /** Of a spec with `knn`: what neighbours say of both, distances as parts of the mean of the OOF's. */
  readonly near: { readonly oof: Near; readonly test: Near | null } | null
}

/** What its folds predicted, of an experiment with this spec. */
export interface ExperimentPredictions {
  readonly spec: Pick<ExperimentSpec, 'folds' | 'seed' | 'metric' | 'ensemble' | 'labels' | 'knn'>
  readonly folds: readonly FoldPredictions[]
}

function incomplete(detail: string, facts: Record<string, unknown>): AppError {
  return new AppError('predictions-incomplete', facts, { detail })
}

/**
 * The predictions of an experiment's folds, ascending, with rows in one order whatever order they came in.
 *
 * The split is recomputed from manifest, spec and seed, so a fold that predicted other samples than its own is found.
 *
 * @param whole The dataset's manifest, with all its label groups: they decide the split. Tables are of the spec's `labels`.
 * @throws {AppError} `predictions-incomplete` unless every fold covers its validation samples, and all test samples,
 *   exactly once with numbers from 0 to 1, votes and distances of a spec with `knn` included.
 */
export function readFolds(whole: DatasetManifest, { spec, folds }: ExperimentPredictions): FoldTable[] {
  const manifest = ofLabelGroups(whole, spec.labels)
  const labels = labelsOf(manifest).length
  const testSample = samplesOf(manifest, 'test')
  const foldOf = splitFolds(whole, spec.folds, spec.seed)
  return allFolds(spec, folds).map(({ fold, oof, test }) => {
    const sample = Int32Array.from(foldOf.keys()).filter((index) => foldOf[index] === fold)
    const [ofOof, ofTest] = [`the OOF of fold ${fold}`, `the test prediction of fold ${fold}`]
    const probability = inOrder(oof, sample, labels, ofOof)
    if (test === null && testSample.length > 0) throw incomplete(`fold ${fold} has no test prediction`, { fold })
    const near = spec.knn && {
      oof: nearInOrder(oof, sample, labels, ofOof),
      test: test && nearInOrder(test, testSample, labels, ofTest),
    }
    return {
      fold,
      sample,
      oof: { probability, actual: labelTable(manifest, sample) },
      test: test && inOrder(test, testSample, labels, ofTest),
      near: near && {
        oof: { ...near.oof, distance: relativeDistance(near.oof.distance, near.oof.distance) },
        test: near.test && { ...near.test, distance: relativeDistance(near.test.distance, near.oof.distance) },
      },
    }
  })
}

/** Rows in the order of `expected`. Throws unless they cover it exactly once with numbers from 0 to `most`. */
function inOrder(
  predictions: Predictions,
  expected: Int32Array,
  labels: number,
  where: string,
  most = 1,
): Float32Array {
  const { sample, probability } = predictions
  if (probability.length !== sample.length * labels)
    throw incomplete(`${where} has ${probability.length} values for ${sample.length} samples of ${labels} labels`, {})
  const bad = probability.findIndex((p) => !(p >= 0 && p <= most))
  if (bad >= 0)
    throw incomplete(`${where} has ${probability[bad]}, which is not from 0 to ${most}`, {
      sample: sample[Math.floor(bad / labels)],
    })
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

function nearInOrder({ sample, near }: Predictions, expected: Int32Array, labels: number, where: string): Near {
  if (near === undefined) throw incomplete(`${where} lacks float32 \`vote\` or \`distance\``, {})
  const { vote, distance } = near
  return {
    vote: inOrder({ sample, probability: vote }, expected, labels, `the vote on ${where}`),
    // A cosine distance is 2 where two point in opposite directions.
    distance: inOrder({ sample, probability: distance }, expected, 1, `the distance in ${where}`, 2),
  }
}

/** The folds that the spec trains, ascending. Throws unless each is there exactly once. */
function allFolds(spec: Pick<ExperimentSpec, 'folds'>, folds: readonly FoldPredictions[]): FoldPredictions[] {
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
