import { AppError } from '@baton/contracts'
import type { Session } from '@baton/contracts'
import type { Tables } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function findSession({ store }: { store: Pick<Tables, 'sessions'> }, id: string): Promise<Session> {
  const session = await store.sessions.get(id)
  if (session === null) throw new AppError('not-found', { session: id })
  return session
}
