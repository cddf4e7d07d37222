import type { AppError, Failure } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Tables } from '../store.ts'

/** What made work that no session does end. */
export function failureFrom({ code, message }: AppError): Failure {
  return { code, detail: message, lastLines: [], step: null }
}

/** Fails the experiment and tells subscribers, in the caller's transaction. */
export async function failExperiment(tables: Tables, experimentId: string, failure: Failure): Promise<void> {
  await tables.experiments.setStatus(experimentId, 'failed', failure)
  await emit(tables, experimentId, { kind: 'experiment-failed', failure })
}
