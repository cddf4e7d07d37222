import { columnNames, parseSort } from '@baton/contracts'
import type { Comparison, ExperimentSpec, Filter } from '@baton/contracts'
import { pairedDifference } from '@baton/evaluation'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'
import { getExperiment } from './get-experiment.ts'
import { jsonDiff } from './spec-diff.ts'

const level = 0.95

/** Folds with their scores, as far as they have them. */
interface Scored {
  readonly folds: readonly { readonly index: number; readonly score: number | null }[]
}

/**
 * Two experiments of a project side by side: where their specs differ, each fold's scores, how far these differ and how
 * sure that is, scores and cost of both.
 *
 * Fold by fold they are compared only where fold i validates the same samples in both: same dataset version, number of
 * folds, split and seed. Otherwise a warning says what differs, and there is no interval: scores on other samples differ
 * by the samples too.
 *
 * @throws {AppError} `not-found`
 */
export async function compareExperiments(
  { store }: { store: Store },
  input: { project: string; left: number; right: number },
): Promise<Comparison> {
  const { id: projectId } = await findProject({ store }, input.project)
  const [left, right] = await Promise.all(
    [input.left, input.right].map(async (version) => ({
      experiment: await getExperiment({ store }, { project: input.project, version }),
      row: await rowOf(store, projectId, version),
    })),
  )
  const [a, b] = [left!.experiment, right!.experiment]
  const splits = splitWarnings(a.spec, b.spec)
  const folds = foldDifferences(a, b)
  return {
    left: left!.row,
    right: right!.row,
    spec: jsonDiff(a.spec, b.spec),
    folds,
    difference: splits.length > 0 ? null : differenceOf(folds, a.spec.folds.count),
    warnings: [...splits, ...metricWarnings(a.spec, b.spec)],
  }
}

async function rowOf(store: Store, projectId: string, version: number): Promise<Comparison['left']> {
  const filter: Filter = {
    kind: 'compare',
    field: { kind: 'column', column: 'version' },
    is: '=',
    value: { type: 'number', value: version },
  }
  const query = { projectId, filter, completedOnly: false, sort: parseSort('version'), columns: columnNames, limit: 1 }
  const { items } = await store.experiments.page(query)
  const { rank: _, ...row } = items[0]!
  return row as Comparison['left']
}

/** What decides which samples a fold validates. */
export function splitWarnings(left: ExperimentSpec, right: ExperimentSpec): string[] {
  const parts: [string, string | number, string | number][] = [
    ['dataset', left.dataset, right.dataset],
    ['number of folds', left.folds.count, right.folds.count],
    ['split', left.folds.split, right.folds.split],
    ['seed', left.seed, right.seed],
  ]
  return parts
    .filter(([, a, b]) => a !== b)
    .map(([what, a, b]) => `folds are not comparable: ${what} ${a} on the left, ${b} on the right`)
}

export function metricWarnings(left: ExperimentSpec, right: ExperimentSpec): string[] {
  const differing = jsonDiff(left.metric, right.metric).map(({ pointer }) => pointer.slice(1))
  return differing.length === 0 ? [] : [`scores are not comparable: the metrics differ in ${differing.join(', ')}`]
}

export function foldDifferences(left: Scored, right: Scored): Comparison['folds'] {
  const [a, b] = [left, right].map(({ folds }) => new Map(folds.map(({ index, score }) => [index, score])))
  const indices = [...new Set([...a!.keys(), ...b!.keys()])].sort((x, y) => x - y)
  return indices.map((fold) => {
    const [before, after] = [a!.get(fold) ?? null, b!.get(fold) ?? null]
    const difference = before === null || after === null ? null : after - before
    return { fold, left: before, right: after, difference }
  })
}

/** Of folds of `count`, each validates on 1 / (count − 1) of what it trains on. Null: fewer than two have both scores. */
export function differenceOf(folds: Comparison['folds'], count: number): Comparison['difference'] {
  const pairs = folds.filter(({ difference }) => difference !== null)
  if (pairs.length < 2) return null
  const scores = (side: 'left' | 'right') => pairs.map((pair) => pair[side]!)
  const paired = pairedDifference(scores('left'), scores('right'), { level, rho: 1 / (count - 1) })
  return { folds: pairs.length, level, ...paired }
}
