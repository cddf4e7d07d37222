import { AppError } from '@baton/contracts'
import type { Difference, Matrix } from '@baton/contracts'
import { holm } from '@baton/evaluation'
import { differenceOf, foldDifferences, metricWarnings, splitWarnings } from '../experiment/compare-experiments.ts'
import type { MatrixCellRecord, MatrixRecord, Tables } from '../store.ts'

/**
 * The experiments of a matrix beside each other: each one's scores, and how far its folds are from the baseline's.
 *
 * Folds are compared as `compareExperiments` does. Of many differences some look real by chance, so the p values are
 * corrected for how many there are (Holm).
 *
 * @param input.version Of any of its experiments.
 * @param input.baseline Version of the experiment that the others are compared with; the first where it is left out.
 * @throws {AppError} `not-found`, also where the baseline is not of the matrix
 */
export async function getMatrix(
  { store }: { store: Pick<Tables, 'matrices'> },
  input: { project: string; version: number; baseline?: number | undefined },
): Promise<Matrix> {
  const { project } = input
  const matrix = await findMatrix({ store }, input)
  const baseline = findBaseline(matrix, input)
  const others = matrix.cells.filter((cell) => cell !== baseline)
  const differences = new Map(others.map((cell) => [cell, differenceFrom(baseline, cell)]))
  const corrected = correct(differences)
  return {
    project,
    version: matrix.version,
    name: matrix.name,
    createdAt: matrix.createdAt,
    baseline: baseline.version,
    halving: matrix.halving,
    foldsCompared: matrix.foldsCompared,
    cells: matrix.cells.map((cell) => {
      const { experimentId: id, spec: _, rungs: __, folds, ...row } = cell
      const foldsCompleted = folds.filter(({ status }) => status === 'completed').length
      return { id, ...row, foldsTotal: folds.length, foldsCompleted, difference: corrected.get(cell) ?? null }
    }),
    warnings: others.flatMap((cell) => warningsOf(baseline, cell).map((warning) => `#${cell.version}: ${warning}`)),
  }
}

/** @throws {AppError} `not-found` */
export async function findMatrix(
  { store }: { store: Pick<Tables, 'matrices'> },
  { project, version }: { project: string; version: number },
): Promise<MatrixRecord> {
  const matrix = await store.matrices.get(project, version)
  if (matrix !== null) return matrix
  throw missing({ project, version }, `experiment ${project} #${version} is not of a matrix, or not there`)
}

function findBaseline({ cells }: MatrixRecord, asked: { project: string; baseline?: number | undefined }) {
  const version = asked.baseline ?? cells[0]!.version
  const found = cells.find((cell) => cell.version === version)
  if (found) return found
  throw missing(asked, `the matrix has #${cells[0]!.version} to #${cells.at(-1)!.version}, and no baseline #${version}`)
}

function warningsOf(baseline: MatrixCellRecord, cell: MatrixCellRecord): string[] {
  return [...splitWarnings(baseline.spec, cell.spec), ...metricWarnings(baseline.spec, cell.spec)]
}

function differenceFrom(baseline: MatrixCellRecord, cell: MatrixCellRecord): Difference | null {
  if (splitWarnings(baseline.spec, cell.spec).length > 0) return null
  return differenceOf(foldDifferences(baseline, cell), baseline.spec.folds.count)
}

function correct(differences: ReadonlyMap<MatrixCellRecord, Difference | null>) {
  const there = [...differences].filter((entry): entry is [MatrixCellRecord, Difference] => entry[1] !== null)
  const corrected = holm(there.map(([, { pValue }]) => pValue))
  return new Map(there.map(([cell, difference], i) => [cell, { ...difference, pHolm: corrected[i]! }]))
}

function missing(facts: Readonly<Record<string, unknown>>, detail: string): AppError {
  return new AppError('not-found', facts, { detail })
}
