import type { Client, MatrixSpec } from '@baton/contracts'
import { pairedDifference } from '@baton/evaluation'
import type { PairedDifference } from '@baton/evaluation'
import type { Figure } from './figure.ts'

/** bf16 against fp32 on the same folds, whose split a seed decides. */
export interface PrecisionStudy {
  readonly seeds: readonly { readonly seed: number; readonly cv: { readonly fp32: number; readonly bf16: number } }[]
  /** bf16 − fp32, over the folds of all seeds. */
  readonly difference: PairedDifference
  readonly pairs: number
}

/** A spec as a matrix of seeds and precisions, each of which trains all folds. */
export function precisionMatrix(spec: MatrixSpec): MatrixSpec {
  const matrix = { seed: [0, 1, 2], precision: ['fp32', 'bf16'], include: [], exclude: [] }
  return { ...spec, name: `${spec.name}, bf16 against fp32`, matrix }
}

/**
 * What has come of a matrix of `precisionMatrix`, all of whose experiments are finished. Folds of one seed are compared
 * with each other, and the interval allows for what they share.
 *
 * @throws {Error} where an experiment was not trained in the precision that it asks for
 * @see Bouckaert, Frank: Evaluating the replicability of significance tests, PAKDD 2004 (the correction over repetitions)
 */
export async function readPrecisionStudy(
  api: Client,
  project: string,
  versions: readonly number[],
): Promise<PrecisionStudy> {
  const experiments = await Promise.all(versions.map((version) => api.getExperiment({ params: { project, version } })))
  for (const { spec, folds } of experiments) for (const { id } of folds) await checkPrecision(api, id, spec.precision)
  const of = (precision: string) => experiments.filter(({ spec }) => spec.precision === precision)
  const [full, low] = [of('fp32'), of('bf16')]
  const scores = (those: typeof experiments) =>
    those.toSorted((a, b) => a.spec.seed - b.spec.seed).flatMap(({ folds }) => folds.map(({ score }) => score!))
  const { count } = experiments[0]!.spec.folds
  return {
    seeds: full.map(({ spec: { seed }, cv }) => {
      const other = low.find(({ spec }) => spec.seed === seed)!
      return { seed, cv: { fp32: cv!, bf16: other.cv! } }
    }),
    difference: pairedDifference(scores(full), scores(low), { rho: 1 / (count - 1) }),
    pairs: scores(full).length,
  }
}

export function precisionFigures({ difference }: PrecisionStudy): Figure[] {
  return [
    { name: 'bf16 − fp32', unit: '', values: [difference.mean] },
    { name: 'bf16 − fp32, low end of 95 %', unit: '', values: [difference.low] },
    { name: 'bf16 − fp32, high end of 95 %', unit: '', values: [difference.high] },
  ]
}

/** The last checkpoint of a fold is kept for a day after its end, and says what it was trained in. */
async function checkPrecision(api: Client, fold: string, wanted: string): Promise<void> {
  const { items } = await api.listCheckpoints({ params: { fold }, query: {} })
  const { precision } = items[0]!.manifest.environment
  if (precision !== wanted) throw new Error(`a fold was to train in ${wanted}, and did in ${precision}`)
}
