import { AppError } from '@baton/contracts'
import type { Submission } from '@baton/contracts'
import type { Tables } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function getSubmission(
  { store }: { store: Pick<Tables, 'submissions'> },
  { project, number }: { project: string; number: number },
): Promise<Submission> {
  const submission = await store.submissions.get(project, number)
  if (submission === null)
    throw new AppError('not-found', { project, number }, { detail: `project "${project}" has no submission ${number}` })
  return submission
}

/** @throws {AppError} `conflict` unless the submission's file is there */
export function assertReady({ number, status }: Submission): void {
  if (status === 'ready') return
  const detail = status === 'queued' ? 'its file is still being made' : 'no file could be made of it'
  throw new AppError('conflict', { status }, { detail: `submission ${number}: ${detail}` })
}
