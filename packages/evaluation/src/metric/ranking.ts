import { ascending } from '../numbers/ascending.ts'
import type { Scored } from './candidates.ts'

/** How well a label's values tell those that have it from those that do not. */
export interface LabelRanking {
  /** 0 where no sample has the label. */
  readonly averagePrecision: number
  /** Null unless some samples have it and some do not. */
  readonly auc: number | null
}

/** A label's column of several tables, sorted once: its scores under any weights of the rows. */
export class SortedColumn {
  private readonly row: Uint32Array // rows of all tables laid end to end, highest value first
  private readonly hit: Uint8Array // [n], in that order
  /** Whether a row's value differs from that before it. */
  private readonly isNext: Uint8Array // [n], in that order

  constructor(values: Float32Array, actual: Uint8Array) {
    this.row = ascending(values).reverse()
    this.hit = Uint8Array.from(this.row, (row) => actual[row]!)
    this.isNext = Uint8Array.from(this.row, (row, i) => (i > 0 && values[row] === values[this.row[i - 1]!]! ? 0 : 1))
  }

  /**
   * Average precision and area under ROC, tied values together.
   *
   *   AP = Σ_j (R_j − R_{j−1})·P_j over the distinct values j, highest first;  P, R: precision, recall at value ≥ j
   *   AUC = (pairs of a hit above a miss + ½ pairs that tie) / all pairs of a hit and a miss
   *
   * As scikit-learn's `average_precision_score` and `roc_auc_score`, `sample_weight` included.
   *
   * @param weights How often each row counts; once where it is left out. [n]
   */
  scores(weights?: ArrayLike<number>): LabelRanking {
    const { row, hit, isNext } = this
    let hits = 0
    let misses = 0
    let hitsBefore = 0
    let missesBefore = 0
    let precisions = 0 // Σ hits of the value · precision
    let pairs = 0 // Σ misses of the value · (hits above + ½ hits of the value)
    const close = () => {
      const own = hits - hitsBefore
      if (own > 0) precisions += (own * hits) / (hits + misses)
      pairs += (misses - missesBefore) * (hitsBefore + own / 2)
      hitsBefore = hits
      missesBefore = misses
    }
    for (let i = 0; i < row.length; i++) {
      if (isNext[i] === 1) close()
      const weight = weights === undefined ? 1 : weights[row[i]!]!
      if (hit[i] === 1) hits += weight
      else misses += weight
    }
    close()
    return {
      averagePrecision: hits === 0 ? 0 : precisions / hits,
      auc: hits === 0 || misses === 0 ? null : pairs / (hits * misses),
    }
  }
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
