import {
  acquireLease,
  createPairing,
  createToken,
  drainSession,
  endSession,
  findSession,
  registerSession,
  stopSession,
} from '@baton/core'
import type { Handlers } from '../context.ts'

export const sessionHandlers: Handlers<
  | 'createEnrolment'
  | 'listSessions'
  | 'getSession'
  | 'drainSession'
  | 'stopSession'
  | 'registerSession'
  | 'endSession'
  | 'acquireLease'
  | 'createPairing'
> = {
  createEnrolment: (deps, { body }, { caller }) =>
    createToken(deps, { ...body, name: 'enrolment', role: 'enrolment', issuer: caller }),
  listSessions: ({ store }, { query }, { caller }) => store.sessions.list(caller.project?.slug ?? null, query),
  getSession: (deps, { params }) => findSession(deps, params.session),
  stopSession: async (deps, { params }) => {
    const session = await stopSession(deps, { sessionId: params.session })
    await deps.dispatch()
    return session
  },
  drainSession: (deps, { params }) => drainSession(deps, { sessionId: params.session }),
  registerSession: (deps, { body }, { caller }) => registerSession(deps, { enrolment: caller, registration: body }),
  endSession: async (deps, { params }) => {
    await endSession(deps, { sessionId: params.session })
    await deps.dispatch()
  },
  acquireLease: (deps, { params, body }, { signal }) =>
    acquireLease(
      { ...deps, offers: deps.queue.offers },
      { sessionId: params.session, waitMs: body.waitSeconds * 1000, holding: body.holding, signal },
    ),
  createPairing: (deps) => createPairing(deps, { botName: deps.botName }),
}
