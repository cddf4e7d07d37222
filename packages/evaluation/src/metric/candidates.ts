import { assertNever } from '@baton/contracts'
import type { MetricAverage } from '@baton/contracts'
import { fbeta } from './fbeta.ts'
import type { GivingSpec, LabelRange } from './label-rows.ts'
import { rowChooser, scaled } from './label-rows.ts'

/** Predictions with the truth beside them. */
export interface Scored {
  readonly probability: Float32Array // [n, labels]
  readonly actual: Uint8Array // [n, labels], 0 or 1
  /** What the thresholds of a row are multiplied by; 1 where it is left out. [n] */
  readonly factor?: Float32Array
}

/**
 * What of a table can ever be given to its samples: of the labels that each may be given (`rowChooser`), those that are
 * certain, and those above the lowest threshold there is. Searching looks at these few only, never at the table again.
 */
export interface Candidates {
  /** Row i holds entries [rowStart[i], rowStart[i + 1]), best first; those before certainEnd[i] are given in any case. */
  readonly rowStart: Int32Array // [n + 1]
  readonly certainEnd: Int32Array // [n]
  /** What thresholds are compared with. [entries] */
  readonly value: Float32Array
  /** Index of the entry's label, and of its label group. [entries] */
  readonly column: Int32Array
  readonly group: Uint8Array
  /** Whether the sample has the label. [entries] */
  readonly hit: Uint8Array
  /** How many labels of each group each sample has. [n, groups] */
  readonly actualOfGroup: Int32Array
  /** Row and column of each label that a sample has, by row. [truths] each */
  readonly truthRow: Int32Array
  readonly truthColumn: Int32Array
}

/** @param lowest The lowest threshold that will be asked about. */
export function candidatesOf(
  { probability, actual, factor }: Scored,
  ranges: readonly LabelRange[],
  giving: GivingSpec,
  lowest: number,
): Candidates {
  const labels = ranges.at(-1)!.end
  const n = probability.length / labels
  const groupOf = new Uint8Array(labels)
  ranges.forEach(({ start, end }, group) => groupOf.fill(group, start, end))
  const choose = rowChooser(ranges, giving)
  const rowStart = new Int32Array(n + 1)
  const certainEnd = new Int32Array(n)
  const entries: number[] = [] // index into the table
  const values: number[] = []
  const truths: number[] = [] // index into the table
  const actualOfGroup = new Int32Array(n * ranges.length)
  for (let i = 0; i < n; i++) {
    const row = probability.subarray(i * labels, (i + 1) * labels)
    const { columns, count, certain, scale } = choose(row, factor?.[i])
    for (let place = 0; place < count; place++) {
      const value = scaled(row[columns[place]!]!, scale)
      if (place >= certain && !(value > lowest)) continue
      entries.push(i * labels + columns[place]!)
      values.push(value)
    }
    rowStart[i + 1] = entries.length
    certainEnd[i] = rowStart[i]! + certain
    for (let column = 0; column < labels; column++) {
      if (actual[i * labels + column] === 0) continue
      truths.push(i * labels + column)
      actualOfGroup[i * ranges.length + groupOf[column]!]!++
    }
  }
  return {
    rowStart,
    certainEnd,
    value: Float32Array.from(values),
    column: Int32Array.from(entries, (at) => at % labels),
    group: Uint8Array.from(entries, (at) => groupOf[at % labels]!),
    hit: Uint8Array.from(entries, (at) => actual[at]!),
    actualOfGroup,
    truthRow: Int32Array.from(truths, (at) => Math.floor(at / labels)),
    truthColumn: Int32Array.from(truths, (at) => at % labels),
  }
}

/** What of the candidates counts, and how. */
export interface Counting {
  readonly beta: number
  readonly average: MetricAverage
  /** Label groups, laid end to end. */
  readonly ranges: readonly LabelRange[]
  /** Of these columns alone; all of them where it is left out. */
  readonly group?: number
  /** How often each row counts, part by part; once where it is left out. [parts][n] */
  readonly weights?: readonly ArrayLike<number>[]
}

/**
 * F-beta of all parts as one table, at these thresholds, one for each label group.
 *
 *   samples  mean over rows of F(TP, given, had) of the row
 *   macro    mean over columns of F of the column; micro: F of all counts
 *
 * As scikit-learn's `fbeta_score(average=…, zero_division=0, sample_weight=…)`; 0 without samples.
 */
export function fbetaAt(parts: readonly Candidates[], thresholds: readonly number[], counting: Counting): number {
  const { average } = counting
  switch (average) {
    case 'samples':
      return overSamples(parts, thresholds, counting)
    case 'micro':
    case 'macro':
      return overLabels(parts, thresholds, counting)
    default:
      return assertNever(average)
  }
}

function overSamples(parts: readonly Candidates[], thresholds: readonly number[], counting: Counting): number {
  let sum = 0
  let n = 0
  forEachSample(parts, thresholds, counting, (value, weight) => {
    sum += weight * value
    n += weight
  })
  return n === 0 ? 0 : sum / n
}

/** F-beta of each row of the parts laid end to end. [n] */
export function fbetaOfSamples(
  parts: readonly Candidates[],
  thresholds: readonly number[],
  counting: Omit<Counting, 'weights'>,
): Float64Array {
  const values = new Float64Array(parts.reduce((sum, { certainEnd }) => sum + certainEnd.length, 0))
  let row = 0
  forEachSample(parts, thresholds, counting, (value) => (values[row++] = value))
  return values
}

/** Calls `visit` with F-beta of each row that counts, and how often it does. */
function forEachSample(
  parts: readonly Candidates[],
  thresholds: readonly number[],
  { ranges, group: only, beta, weights }: Counting,
  visit: (value: number, weight: number) => void,
): void {
  const groups = ranges.length
  const [first, last] = only === undefined ? [0, groups] : [only, only + 1]
  for (const [part, { rowStart, certainEnd, value, group, hit, actualOfGroup }] of parts.entries()) {
    for (let row = 0; row < certainEnd.length; row++) {
      const weight = weights === undefined ? 1 : weights[part]![row]!
      if (weight === 0) continue
      let given = 0
      let both = 0
      for (let i = rowStart[row]!; i < rowStart[row + 1]!; i++) {
        const of = group[i]!
        if (of < first || of >= last) continue
        if (i >= certainEnd[row]! && !(value[i]! > thresholds[of]!)) continue
        given++
        both += hit[i]!
      }
      let had = 0
      for (let of = first; of < last; of++) had += actualOfGroup[row * groups + of]!
      visit(fbeta(both, given, had, beta), weight)
    }
  }
}

function overLabels(parts: readonly Candidates[], thresholds: readonly number[], counting: Counting): number {
  const { ranges, group: only, beta, weights, average } = counting
  const start = only === undefined ? 0 : ranges[only]!.start
  const end = only === undefined ? ranges.at(-1)!.end : ranges[only]!.end
  const labels = ranges.at(-1)!.end
  const both = new Float64Array(labels)
  const given = new Float64Array(labels)
  const had = new Float64Array(labels)
  for (const [part, { rowStart, certainEnd, value, group, column, hit, truthRow, truthColumn }] of parts.entries()) {
    const weightOf = weights?.[part]
    for (let row = 0; row < certainEnd.length; row++) {
      const weight = weightOf === undefined ? 1 : weightOf[row]!
      for (let i = rowStart[row]!; i < rowStart[row + 1]!; i++) {
        if (i >= certainEnd[row]! && !(value[i]! > thresholds[group[i]!]!)) continue
        given[column[i]!]! += weight
        both[column[i]!]! += weight * hit[i]!
      }
    }
    for (let i = 0; i < truthRow.length; i++)
      had[truthColumn[i]!]! += weightOf === undefined ? 1 : weightOf[truthRow[i]!]!
  }
  let mean = 0
  const all = { both: 0, given: 0, had: 0 }
  for (let label = start; label < end; label++) {
    mean += fbeta(both[label]!, given[label]!, had[label]!, beta) / (end - start)
    all.both += both[label]!
    all.given += given[label]!
    all.had += had[label]!
  }
  return average === 'macro' ? mean : fbeta(all.both, all.given, all.had, beta)
}
