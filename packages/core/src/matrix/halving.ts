import { foldsOf, isFinal } from '@baton/contracts'
import type { HalvingSpec, HalvingStop } from '@baton/contracts'
import { lockExperiment } from '../experiment/lock-experiment.ts'
import { emit } from '../notification/emit.ts'
import type { MatrixCellRecord, MatrixRecord, Store, Tables } from '../store.ts'

/**
 * Compares the first folds of a matrix's experiments as soon as all of them have scores, and stops what is behind: see
 * `HalvingSpec` for the rule. Each number of folds is compared once, whoever asks and however often.
 *
 * An experiment that failed or was cancelled is not waited for, and is nobody's best. One whose last fold has just
 * finished is not stopped: nothing would be saved. A fold that is being trained is cancelled when its session lets go.
 */
export async function decideHalving({ store }: { store: Store }, matrixId: string): Promise<void> {
  await store.transaction(async (tables) => {
    const matrix = await tables.matrices.lock(matrixId)
    if (matrix.halving === null) return
    let decided = matrix.foldsCompared
    for (const { folds, stops } of decisionsOf(matrix, matrix.halving)) {
      decided = folds
      for (const [cell, why] of stops) await stop(tables, cell, why)
    }
    if (decided > matrix.foldsCompared) await tables.matrices.setFoldsCompared(matrixId, decided)
  })
}

interface Decision {
  readonly folds: number
  readonly stops: readonly [MatrixCellRecord, HalvingStop][]
}

/** The decisions that can be made now, in the order of their folds: what one stops is not in the next. */
export function decisionsOf(matrix: Pick<MatrixRecord, 'cells' | 'foldsCompared'>, halving: HalvingSpec): Decision[] {
  const decisions: Decision[] = []
  let living = matrix.cells.filter(({ status }) => status !== 'failed' && status !== 'cancelled')
  const last = foldsOf(matrix.cells[0]!.spec).length - 1
  for (let k = Math.max(matrix.foldsCompared + 1, halving.afterFolds); k <= last; k++) {
    if (!living.every(({ rungs }) => rungs[k])) break
    const stops = stopsAt(k, living, halving)
    decisions.push({ folds: k, stops })
    const stopped = new Set(stops.map(([cell]) => cell))
    living = living.filter((cell) => !stopped.has(cell))
  }
  return decisions
}

function stopsAt(k: number, living: readonly MatrixCellRecord[], { margin }: HalvingSpec): Decision['stops'] {
  const scored = living.map((cell) => ({ cell, mean: cell.rungs[k]!.reduce((sum, score) => sum + score, 0) / k }))
  if (scored.length < 2) return []
  const best = scored.reduce((most, next) => (next.mean > most.mean ? next : most))
  const rho = 1 / (best.cell.spec.folds.count - 1)
  const bound = margin * Math.sqrt((1 / k + rho) / (1 + rho))
  return scored
    .filter(({ cell, mean }) => best.mean - mean > bound && !isFinal(cell.status))
    .map(({ cell, mean }) => [cell, { folds: k, best: best.cell.version, behind: best.mean - mean, bound }])
}

async function stop(tables: Tables, { experimentId }: MatrixCellRecord, why: HalvingStop): Promise<void> {
  const { status, folds } = await lockExperiment(tables, experimentId)
  if (isFinal(status) || folds.every((fold) => isFinal(fold.status))) return
  await tables.folds.cancelAll(experimentId)
  await tables.experiments.setStatus(experimentId, 'cancelled')
  await tables.matrices.stop(experimentId, why)
  await emit(tables, experimentId, { kind: 'experiment-cancelled', halving: why })
}
