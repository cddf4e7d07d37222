import { AppError } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import type { Tables } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function getExperiment(
  { store }: { store: Pick<Tables, 'experiments'> },
  { project, version }: { project: string; version: number },
): Promise<Experiment> {
  const experiment = await store.experiments.get(project, version)
  if (experiment === null)
    throw new AppError('not-found', { project, version }, { detail: `there is no experiment ${project} #${version}` })
  return experiment
}
