import { labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { BlendSpec, DatasetManifest, MetricSpec } from '@baton/contracts'
import { permutation, streamKey } from '@baton/random'
import type { Assembly } from '../assemble/assemble.ts'
import { readFolds } from '../assemble/read-folds.ts'
import type { ExperimentPredictions, FoldTable } from '../assemble/read-folds.ts'
import { report, scoreFolds } from '../assemble/score-folds.ts'
import type { Scored } from '../metric/candidates.ts'
import { scorerOf } from '../metric/score.ts'
import { labelTable, samplesOf } from '../samples.ts'
import { blendTables } from './blend-tables.ts'
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

/** Values that weights are searched on: a large table is represented by so many of them, whole rows drawn by the seed. */
const valuesSearched = 2 ** 21

/** A fold's OOF: of each member, and what is so. */
interface FoldOfMembers {
  readonly tables: readonly MemberTable[]
  readonly actual: Uint8Array // [n, labels]
}

/**
 * Several experiments' predictions as one, with CV, thresholds and test prediction as an experiment has them.
 *
 * OOF predictions are aligned by sample. `mean`: of probabilities; `rank`: of ranks within the fold, ranked once more;
 * `weighted`: of probabilities, with weights searched on OOF (`selectWeights`). Of a label group the members count that
 * predict it. A fold's score is nested: its weights and thresholds are searched on the other folds.
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
  const parts = members.map(({ spec }) => partsOf(ranges, spec.labels))
  const read = members.map((member) => readFolds(whole, member))
  const toSpace = (table: Float32Array, width: number) => (isRank ? rank(table, width, blend.scope) : table)
  const tablesOf = (values: readonly Float32Array[]): MemberTable[] =>
    values.map((value, m) => ({ ...parts[m]!, value: toSpace(value, parts[m]!.width) }))
  const folds = read[0]!.map(({ sample }, i): FoldOfMembers => {
    const values = read.map((own) => own[i]!.oof.probability)
    return { tables: tablesOf(values), actual: labelTable(manifest, sample) }
  })
  const mixed = ({ tables, actual }: FoldOfMembers, weights: readonly number[]): Scored => ({
    probability: toSpace(mix(tables, weights, ranges), labels),
    actual,
  })

  const weightsWithout = weightsOf(blend, folds, labels, members.length, (left, weights) =>
    scorer.best(left.map((fold) => scorer.prepare(mixed(fold, weights)))),
  )
  const tablesWithout = remembered((left) => folds.map((fold) => scorer.prepare(mixed(fold, weightsWithout(left)))))
  const scores = scoreFolds(
    read[0]!.map(({ fold }) => fold),
    // Weights that were not searched are the same whatever is left out.
    (left) => tablesWithout(blend.by === 'weighted' ? left : null),
    scorer,
  )
  const sample = read[0]!.flatMap((fold) => [...fold.sample])
  const weights = weightsWithout(null)
  const input = { manifest, sample, ranges, metric, seed: blend.seed }
  return {
    ...scores,
    weights,
    report: report(tablesWithout(null), scores, input),
    test: testOf(manifest, read, scores.thresholds, blend, (tables) =>
      toSpace(mix(tablesOf(tables), weights, ranges), labels),
    ),
  }
}

/** Each member's folds as one, and then the members. */
function testOf(
  manifest: DatasetManifest,
  read: readonly (readonly FoldTable[])[],
  thresholds: readonly number[],
  { by, scope }: BlendInput['blend'],
  together: (tables: readonly Float32Array[]) => Float32Array,
): Assembly['test'] {
  const sample = samplesOf(manifest, 'test')
  if (sample.length === 0) return null
  const value = together(
    read.map((folds) => {
      const tables = folds.map(({ test }) => test!)
      const width = tables[0]!.length / sample.length
      return blendTables(tables, width, { blend: by === 'rank' ? 'rank' : 'mean', scope })
    }),
  )
  return { sample, space: by === 'rank' ? 'rank' : 'probability', value, thresholds }
}

type ScoreOf = (folds: readonly FoldOfMembers[], weights: readonly number[]) => number

/** The weights of the members, as searched without one of the folds; null: on all. */
function weightsOf(
  { by, seed }: BlendInput['blend'],
  folds: readonly FoldOfMembers[],
  labels: number,
  members: number,
  scoreOf: ScoreOf,
): (left: number | null) => readonly number[] {
  if (by !== 'weighted') return () => new Array<number>(members).fill(1 / members)
  const fewer = drawRows(folds, labels, seed)
  return remembered((left) => {
    const others = left === null ? fewer : fewer.toSpliced(left, 1)
    return selectWeights(members, (weights) => scoreOf(others, weights))
  })
}

/** Whole rows of all folds, drawn by the seed, in their order. */
function drawRows(folds: readonly FoldOfMembers[], labels: number, seed: number): FoldOfMembers[] {
  const rows = folds.map(({ actual }) => actual.length / labels)
  const total = rows.reduce((sum, n) => sum + n, 0)
  const wanted = Math.max(1, Math.floor(valuesSearched / labels))
  if (total <= wanted) return [...folds]
  const drawn = permutation(streamKey(seed, 'blend'), total).subarray(0, wanted).toSorted()
  let before = 0
  return folds.map(({ tables, actual }, i) => {
    const [start, end] = [before, (before += rows[i]!)]
    const own = Array.from(
      drawn.filter((row) => row >= start && row < end),
      (row) => row - start,
    )
    return {
      tables: tables.map(({ value, ...part }) => ({
        ...part,
        value: Float32Array.from(rowsOf(value, part.width, own)),
      })),
      actual: Uint8Array.from(rowsOf(actual, labels, own)),
    }
  })
}

function* rowsOf(table: Float32Array | Uint8Array, width: number, rows: readonly number[]): Generator<number> {
  for (const row of rows) yield* table.subarray(row * width, (row + 1) * width)
}

function remembered<T>(make: (left: number | null) => T): (left: number | null) => T {
  const made = new Map<number | null, T>()
  return (left) => {
    if (!made.has(left)) made.set(left, make(left))
    return made.get(left)!
  }
}
