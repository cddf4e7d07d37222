import type { ExperimentSpec } from '@baton/contracts'
import type { FoldTable } from '../assemble/read-folds.ts'
import type { Scored } from '../metric/candidates.ts'
import type { Prepared, Scorer } from '../metric/score.ts'
import { drawRows, rowsOf } from '../numbers/draw-rows.ts'
import { remembered } from '../remembered.ts'
import type { Near } from '../samples.ts'
import { thresholdFactors, withVote } from './near.ts'
import { keyOf, searchTuning, tuningGrid } from './search-tuning.ts'
import type { Tuning } from './search-tuning.ts'

type TunedSpec = Pick<ExperimentSpec, 'knn' | 'metric' | 'seed'>
type OofTable = Pick<FoldTable, 'oof' | 'near'>

/** What is tuned as searched without one of the folds, by its place; null: on all of them. */
export type TuningWithout = (left: number | null) => Tuning

/** Thresholds are searched anew for each weight and slope that is tried: of more rows it would take minutes. */
const rowsSearched = 4096

/** Nothing is tuned. */
const plain: Tuning = { weight: 0, slope: 0 }

/**
 * Tunes what neighbours say of the folds' samples, by the scorer on the OOF of folds, as thresholds are: whoever scores a
 * fold asks for what was found without it. Of a large table so many rows are drawn by the seed as stand for it.
 */
export function tuneFolds(
  folds: readonly OofTable[],
  { knn, metric, seed }: TunedSpec,
  labels: number,
  scorer: Scorer,
): TuningWithout {
  if (knn === null) return () => plain
  const grid = tuningGrid(knn.weight, metric.threshold === 'distance')
  const rows = drawRows(
    folds.map(({ oof }) => oof.actual.length / labels),
    labels,
    seed,
    rowsSearched,
  )
  const fewer = folds.map((fold, i) => someRows(fold, labels, rows[i]!))
  const prepared = new Map<string, Prepared>()
  const prepare = (place: number, tuning: Tuning): Prepared => {
    const key = `${place} ${keyOf(tuning)}`
    const made = prepared.get(key) ?? scorer.prepare(tunedOof(fewer[place]!, tuning))
    prepared.set(key, made)
    return made
  }
  const search: TuningWithout = (left) =>
    searchTuning(grid, (tuning) =>
      scorer.best(fewer.flatMap((_, place) => (place === left ? [] : [prepare(place, tuning)]))),
    )
  return remembered(search)
}

/** The fold's OOF, blended and with the factors of its thresholds, as they are tuned. */
export function tunedOof({ oof, near }: OofTable, { weight, slope }: Tuning): Scored {
  if (near === null) return oof
  return {
    probability: withVote({ probability: oof.probability, near: near.oof }, weight),
    actual: oof.actual,
    ...(slope !== 0 && { factor: thresholdFactors(near.oof.distance, slope) }),
  }
}

/** The fold's test prediction, blended. */
export function tunedTest({ test, near }: FoldTable, { weight }: Tuning): Float32Array {
  return near?.test ? withVote({ probability: test!, near: near.test }, weight) : test!
}

function someRows({ oof: { probability, actual }, near }: OofTable, labels: number, rows: readonly number[]): OofTable {
  const some = ({ vote, distance }: Near): Near => ({
    vote: rowsOf(vote, labels, rows),
    distance: rowsOf(distance, 1, rows),
  })
  return {
    oof: { probability: rowsOf(probability, labels, rows), actual: rowsOf(actual, labels, rows) },
    near: near && { oof: some(near.oof), test: null },
  }
}
