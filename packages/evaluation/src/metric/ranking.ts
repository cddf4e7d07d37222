import { ascending } from '../numbers/ascending.ts'
import type { Scored } from './candidates.ts'

/** How well a label's values tell those that have it from those that do not. */
export interface LabelRanking {
  /** 0 where no sample has the label. */
  readonly averagePrecision: number
  /** Null unless some samples have it and some do not. */
  readonly auc: number | null
}

/** How often rows count, under several draws at once. */
export interface Draws {
  /** Row-major. [n, draws] */
  readonly weights: Uint8Array
  /** Sum over the rows. [draws] */
  readonly totals: Float64Array
}

/** Rows of one value among which the label is: [start, end) of the sorted column; the label's own come first. */
interface TiedRows {
  readonly start: number
  readonly hitsEnd: number
  readonly end: number
}

/**
 * A label's column of several tables, sorted once: its scores under any weights of the rows.
 */
export class SortedColumn {
  private readonly row: Uint32Array // rows of all tables laid end to end, highest value first; of one value hits first
  private readonly tied: readonly TiedRows[]

  constructor(values: Float32Array, actual: Uint8Array) {
    this.row = ascending(values).reverse()
    this.tied = tiedRows(this.row, values, actual)
  }

  /** As `scoresOf`, under one weight a row; once each where it is left out. [n] */
  scores(weights: Uint8Array = new Uint8Array(this.row.length).fill(1)): LabelRanking {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return this.scoresOf({ weights, totals: Float64Array.of(total) })[0]!
  }

  /**
   * Average precision and area under ROC, tied values together, under each of the draws.
   *
   *   AP = Σ_j (R_j − R_{j−1})·P_j over the distinct values j, highest first;  P, R: precision, recall at value ≥ j
   *   AUC = (pairs of a hit above a miss + ½ pairs that tie) / all pairs of a hit and a miss
   *
   * As scikit-learn's `average_precision_score` and `roc_auc_score`, `sample_weight` included. All draws are gone through
   * at once, and no further than the last row that has the label: what a draw takes of a row lies beside what the others
   * take of it, so memory is read in order.
   */
  scoresOf({ weights, totals }: Draws): LabelRanking[] {
    const { row, tied } = this
    const draws = totals.length
    const add = (sums: Float64Array, from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        const first = row[i]! * draws
        for (let draw = 0; draw < draws; draw++) sums[draw]! += weights[first + draw]!
      }
    }
    let at = 0
    const [all, hits] = [new Float64Array(draws), new Float64Array(draws)] // weight of the rows before `at`, and of hits
    const precisions = new Float64Array(draws) // Σ hits of the value · precision
    const pairs = new Float64Array(draws) // Σ hits of the value · (misses above + ½ misses of the value)
    const [own, beside] = [new Float64Array(draws), new Float64Array(draws)]
    for (const { start, hitsEnd, end } of tied) {
      add(all, at, start)
      add(own.fill(0), start, hitsEnd)
      add(beside.fill(0), hitsEnd, end)
      for (let draw = 0; draw < draws; draw++) {
        const [hit, miss] = [own[draw]!, beside[draw]!]
        pairs[draw]! += hit * (all[draw]! - hits[draw]! + miss / 2)
        hits[draw]! += hit
        all[draw]! += hit + miss
        if (hit > 0) precisions[draw]! += (hit * hits[draw]!) / all[draw]!
      }
      at = end
    }
    return Array.from(totals, (total, draw) => {
      const [hit, miss] = [hits[draw]!, total - hits[draw]!]
      return {
        averagePrecision: hit === 0 ? 0 : precisions[draw]! / hit,
        auc: hit === 0 || miss === 0 ? null : 1 - pairs[draw]! / (hit * miss),
      }
    })
  }
}

/** Values that rows with the label have, highest first; moves those rows before the others of their value. */
function tiedRows(row: Uint32Array, values: Float32Array, actual: Uint8Array): TiedRows[] {
  const tied: TiedRows[] = []
  for (let start = 0, end = 0; start < row.length; start = end) {
    let hitsEnd = start
    for (end = start; end < row.length && values[row[end]!] === values[row[start]!]; end++) {
      if (actual[row[end]!] === 0) continue
      const hit = row[end]!
      row[end] = row[hitsEnd]!
      row[hitsEnd++] = hit
    }
    if (hitsEnd > start) tied.push({ start, hitsEnd, end })
  }
  return tied
}

/** So many columns are taken out of the tables at once: a row of them is one or two cache lines. */
const columnsAtOnce = 16

/** Calls `visit` with each label's column of the tables laid end to end. */
export function forEachColumn(
  parts: readonly Scored[],
  labels: number,
  visit: (column: SortedColumn, label: number) => void,
): void {
  const rows = parts.reduce((sum, { actual }) => sum + actual.length / labels, 0)
  for (let from = 0; from < labels; from += columnsAtOnce) {
    const width = Math.min(columnsAtOnce, labels - from)
    const values = Array.from({ length: width }, () => new Float32Array(rows))
    const actuals = Array.from({ length: width }, () => new Uint8Array(rows))
    let row = 0
    for (const { probability, actual } of parts) {
      for (let at = from; at < actual.length; at += labels, row++) {
        for (let column = 0; column < width; column++) {
          values[column]![row] = probability[at + column]!
          actuals[column]![row] = actual[at + column]!
        }
      }
    }
    for (let column = 0; column < width; column++)
      visit(new SortedColumn(values[column]!, actuals[column]!), from + column)
  }
}

/**
 * Label ranking average precision of each sample: scikit-learn's `label_ranking_average_precision_score` before its mean.
 *
 *   mean over the labels l of the sample of |{its labels valued ≥ p_l}| / |{labels valued ≥ p_l}|
 *
 * 1 for a sample that has no label, or all of them, as there.
 *
 * @param range The columns that count.
 * @returns 0 to 1, higher is better. [n]
 */
export function averagePrecisionOfSamples(
  { probability, actual }: Scored,
  labels: number,
  { start, end }: { start: number; end: number },
): Float64Array {
  const scores = new Float64Array(actual.length / labels)
  for (let i = 0; i < scores.length; i++) {
    const values = probability.subarray(i * labels + start, i * labels + end)
    const has = actual.subarray(i * labels + start, i * labels + end)
    const own = Array.from(has.keys()).filter((column) => has[column] === 1)
    if (own.length === 0 || own.length === has.length) scores[i] = 1
    else for (const label of own) scores[i]! += precisionAt(values, has, values[label]!) / own.length
  }
  return scores
}

/** Of the labels valued as much or more, the part that the sample has. */
function precisionAt(values: Float32Array, has: Uint8Array, least: number): number {
  let all = 0
  let both = 0
  for (let column = 0; column < values.length; column++) {
    if (values[column]! < least) continue
    all++
    both += has[column]!
  }
  return both / all
}
