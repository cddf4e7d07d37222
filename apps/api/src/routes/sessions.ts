import { AppError } from '@baton/contracts'
import { acquireLease, createPairing, drainSession, endSession, insertToken, registerSession } from '@baton/core'
import type { Call, Handlers } from '../context.ts'

export const sessionHandlers: Handlers<
  | 'createEnrolment'
  | 'listSessions'
  | 'drainSession'
  | 'registerSession'
  | 'endSession'
  | 'acquireLease'
  | 'createPairing'
> = {
  createEnrolment: ({ store }, { body }) => insertToken(store, { role: 'enrolment', validSeconds: body.validSeconds }),
  listSessions: async ({ store }) => ({ items: await store.sessions.list() }),
  drainSession: (deps, { params }) => drainSession(deps, { sessionId: params.session }),
  registerSession: (deps, { body }, { caller }) =>
    registerSession(deps, { tokenId: caller.tokenId, registration: body }),
  endSession: (deps, { params }, call) => endSession(deps, { sessionId: own(params.session, call) }),
  acquireLease: (deps, { params, body }, call) =>
    acquireLease(
      { ...deps, offers: deps.queue.offers },
      { sessionId: own(params.session, call), waitMs: body.waitSeconds * 1000, signal: call.signal },
    ),
  createPairing: (deps) => createPairing(deps, { botName: deps.botName }),
}

/** A session token speaks for its own session only. */
function own(session: string, { caller }: Call): string {
  if (caller.sessionId !== session)
    throw new AppError('forbidden', {}, { detail: 'this token belongs to another session' })
  return session
}
