import { labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { BlendSpec, DatasetManifest, MetricSpec } from '@baton/contracts'
import type { Assembly, TestEnsemble } from '../assemble/assemble.ts'
import { readFolds } from '../assemble/read-folds.ts'
import type { ExperimentPredictions } from '../assemble/read-folds.ts'
import { report, scoreFolds } from '../assemble/score-folds.ts'
import { thresholdFactors } from '../knn/near.ts'
import { searchTuning, tuningGrid } from '../knn/search-tuning.ts'
import type { Tuning } from '../knn/search-tuning.ts'
import { tunedOof, tunedTest, tuneFolds } from '../knn/tune-folds.ts'
import type { Scored } from '../metric/candidates.ts'
import { scorerOf } from '../metric/score.ts'
import { drawRows, rowsOf } from '../numbers/draw-rows.ts'
import { remembered } from '../remembered.ts'
import { labelTable, samplesOf } from '../samples.ts'
import { blendTables, weightedMean } from './blend-tables.ts'
import { mix, partsOf } from './mix.ts'
import type { MemberTable } from './mix.ts'
import { rank } from './rank-average.ts'
import { selectWeights } from './select-weights.ts'

export interface BlendInput {
  /** The dataset's, with all its label groups. */
  readonly manifest: DatasetManifest
  /** The label groups that the members predict together; null: all. */
  readonly labels: readonly string[] | null
  /** By which the blend is scored, and its labels given. */
  readonly metric: MetricSpec
  readonly blend: Pick<BlendSpec, 'by' | 'scope' | 'seed'>
  /** Experiments of the same folds. */
  readonly members: readonly ExperimentPredictions[]
}

export interface Blended extends Assembly {
  /** Of each member; not negative, and 1 together. */
  readonly weights: readonly number[]
}

/** A fold's OOF: of each member, and what is so. */
interface FoldOfMembers {
  readonly tables: readonly MemberTable[]
  readonly actual: Uint8Array // [n, labels]
  /** Mean over the members that have distances; null: none has. [n] */
  readonly distance: Float32Array | null
}

/**
 * Several experiments' predictions as one, with CV, thresholds and test prediction as an experiment has them.
 *
 * OOF predictions are aligned by sample. `mean`: of probabilities; `rank`: of ranks within the fold, ranked once more;
 * `weighted`: of probabilities, with weights searched on OOF (`selectWeights`). Of a label group the members count that
 * predict it. A fold's score is nested: its weights and thresholds are searched on the other folds. A member with a vote of
 * neighbours counts with it, weighed as its own spec says.
 *
 * Equal input gives equal output.
 *
 * @throws {AppError} `predictions-incomplete` as `readFolds`
 */
export function blendExperiments({ manifest: whole, labels: groups, metric, blend, members }: BlendInput): Blended {
  const manifest = ofLabelGroups(whole, groups)
  const ranges = labelRanges(manifest)
  const labels = labelsOf(manifest).length
  const isRank = blend.by === 'rank'
  const scorer = scorerOf(metric, ranges, isRank ? 'rank' : 'probability')
  const toSpace = (table: Float32Array, width: number) => (isRank ? rank(table, width, blend.scope) : table)
  const parts = members.map(({ spec }) => partsOf(ranges, spec.labels))
  const tablesOf = (values: readonly Float32Array[]): MemberTable[] =>
    values.map((value, m) => ({ ...parts[m]!, value: toSpace(value, parts[m]!.width) }))
  const { read, tuningsWithout, isTuned } = readMembers(whole, members)
  const foldsBy = (tunings: readonly Tuning[]) =>
    read[0]!.map(({ sample }, i): FoldOfMembers => {
      const own = read.map((folds) => folds[i]!)
      return {
        tables: tablesOf(own.map((fold, m) => tunedOof(fold, tunings[m]!).probability)),
        actual: labelTable(manifest, sample),
        distance: meanDistance(own.map(({ near }) => near?.oof.distance)),
      }
    })
  const tunings = tuningsWithout(null)
  const folds = foldsBy(tunings)
  // What was not searched is the same whatever is left out.
  const foldsWithout = (left: number | null) => (left !== null && isTuned ? foldsBy(tuningsWithout(left)) : folds)
  const mixed = ({ tables, actual, distance }: FoldOfMembers, { weights, slope }: Found): Scored => ({
    probability: toSpace(mix(tables, weights, ranges), labels),
    actual,
    ...(slope !== 0 && distance && { factor: thresholdFactors(distance, slope) }),
  })
  const wanted: Wanted = { weights: blend.by === 'weighted', slope: metric.threshold === 'distance' }
  const isSearched = wanted.weights || wanted.slope
  const foundWithout = remembered((left: number | null): Found => {
    if (!isSearched) return alike(members.length)
    const fewer = someRows(foldsWithout(left), labels, blend.seed)
    const others = left === null ? fewer : fewer.toSpliced(left, 1)
    return find(members.length, wanted, (found) =>
      scorer.best(others.map((fold) => scorer.prepare(mixed(fold, found)))),
    )
  })
  const prepare = (left: number | null) =>
    foldsWithout(left).map((fold) => scorer.prepare(mixed(fold, foundWithout(left))))
  const all = prepare(null)
  const scores = scoreFolds(
    read[0]!.map(({ fold }) => fold),
    (left) => (left !== null && (isSearched || isTuned) ? prepare(left) : all),
    scorer,
  )
  const { weights, slope } = foundWithout(null)
  const sample = read[0]!.flatMap((fold) => [...fold.sample])
  const distance = meanDistance(read.flatMap((folds) => folds.map(({ near }) => near?.test?.distance)))
  const cut = {
    thresholds: scores.thresholds,
    factor: wanted.slope && distance ? thresholdFactors(distance, slope) : null,
  }
  const tests = read.map((folds, m) => folds.map((fold) => tunedTest(fold, tunings[m]!)))
  return {
    ...scores,
    weights,
    knnWeight: null,
    distanceSlope: wanted.slope ? slope : null,
    report: report(all, scores, { manifest, sample, ranges, metric, seed: blend.seed }),
    test: testOf(manifest, tests, cut, blend, (tables) => toSpace(mix(tablesOf(tables), weights, ranges), labels)),
  }
}

/** The members' predictions, and how their own specs have the neighbours' votes counted. */
function readMembers(whole: DatasetManifest, members: readonly ExperimentPredictions[]) {
  const read = members.map((member) => readFolds(whole, member))
  const tunings = members.map(({ spec }, m) => {
    const ranges = labelRanges(ofLabelGroups(whole, spec.labels))
    return tuneFolds(read[m]!, spec, ranges.at(-1)!.end, scorerOf(spec.metric, ranges))
  })
  return {
    read,
    tuningsWithout: (left: number | null) => tunings.map((without) => without(left)),
    isTuned: members.some(({ spec }) => spec.knn !== null),
  }
}

/** What is to be searched. */
interface Wanted {
  readonly weights: boolean
  readonly slope: boolean
}

/** What is searched of an ensemble beside its thresholds. */
interface Found {
  /** Of each member. */
  readonly weights: readonly number[]
  /** By which distances lower thresholds. */
  readonly slope: number
}

/** Nothing found. */
function alike(members: number): Found {
  return { weights: new Array<number>(members).fill(1 / members), slope: 0 }
}

/** First the weights, as if distances lowered nothing, then the slope at these. @param scoreAt Higher is better. */
function find(members: number, wanted: Wanted, scoreAt: (found: Found) => number): Found {
  const weights = wanted.weights
    ? selectWeights(members, (of) => scoreAt({ weights: of, slope: 0 }))
    : alike(members).weights
  const { slope } = searchTuning(tuningGrid(0, wanted.slope), (tuning) => scoreAt({ weights, slope: tuning.slope }))
  return { weights, slope }
}

/** Of the models that have distances; null: none has. */
function meanDistance(distances: readonly (Float32Array | undefined)[]): Float32Array | null {
  const there = distances.filter((distance) => distance !== undefined)
  return there.length === 0 ? null : weightedMean(there)
}

/** Each member's folds as one, and then the members. */
function testOf(
  manifest: DatasetManifest,
  tests: readonly (readonly Float32Array[])[],
  cut: Pick<TestEnsemble, 'thresholds' | 'factor'>,
  { by, scope }: BlendInput['blend'],
  together: (tables: readonly Float32Array[]) => Float32Array,
): Assembly['test'] {
  const sample = samplesOf(manifest, 'test')
  if (sample.length === 0) return null
  const value = together(
    tests.map((tables) => {
      const width = tables[0]!.length / sample.length
      return blendTables(tables, width, { blend: by === 'rank' ? 'rank' : 'mean', scope })
    }),
  )
  return { sample, space: by === 'rank' ? 'rank' : 'probability', value, ...cut }
}

/** Rows of all folds that stand for all: weights and slopes are searched on these. */
function someRows(folds: readonly FoldOfMembers[], labels: number, seed: number): FoldOfMembers[] {
  const rows = drawRows(
    folds.map(({ actual }) => actual.length / labels),
    labels,
    seed,
  )
  return folds.map(({ tables, actual, distance }, i) => ({
    tables: tables.map((table) => ({ ...table, value: rowsOf(table.value, table.width, rows[i]!) })),
    actual: rowsOf(actual, labels, rows[i]!),
    distance: distance && rowsOf(distance, 1, rows[i]!),
  }))
}
