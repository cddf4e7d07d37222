import { AppError, isAppError } from '@baton/contracts'
import type { Matrix } from '@baton/contracts'
import { cancelIn } from '../experiment/cancel-experiment.ts'
import { pauseIn } from '../experiment/pause-experiment.ts'
import { resumeIn } from '../experiment/resume-experiment.ts'
import type { Store, Tables } from '../store.ts'
import { findMatrix, getMatrix } from './get-matrix.ts'

const steps = { cancel: cancelIn, pause: pauseIn, resume: resumeIn } as const

/**
 * Cancels, pauses or resumes all experiments of a matrix that have not ended, in one transaction, each as the verb of the
 * same name does. Doing it again changes nothing.
 *
 * @param input.version Of any of its experiments.
 * @throws {AppError} `not-found`; `conflict` where every one of them has ended otherwise or is being assembled
 */
export async function steerMatrix(
  { store }: { store: Store },
  input: { project: string; version: number; step: keyof typeof steps },
): Promise<Matrix> {
  const { id } = await findMatrix({ store }, input)
  await store.transaction(async (tables) => {
    const { cells } = await tables.matrices.lock(id)
    let done = 0
    for (const { experimentId } of cells) if (await stepped(tables, experimentId, input.step)) done++
    if (done === 0) throw new AppError('conflict', input, { detail: 'all experiments of the matrix have ended' })
  })
  return getMatrix({ store }, { project: input.project, version: input.version })
}

/** @returns Whether the experiment is as asked; false where it has ended and stays as it is */
async function stepped(tables: Tables, experimentId: string, step: keyof typeof steps): Promise<boolean> {
  try {
    await steps[step](tables, experimentId)
    return true
  } catch (error) {
    if (isAppError(error, 'conflict')) return false
    throw error
  }
}
