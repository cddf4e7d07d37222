import { z } from 'zod'
import { Slug } from '../ids.ts'
import { RegisteredSession, Session, SessionRegistration } from '../resources.ts'
import { IssuedToken } from '../token.ts'
import { SessionStatus } from '../states.ts'
import { owners, pageOf, pageQuery, readers, session } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Sessions, from enrolment to the end. */
export const sessionsRoutes = {
  createEnrolment: {
    method: 'POST',
    path: '/v1/enrolments',
    summary: 'Issue a token that registers one session, once',
    roles: owners,
    scope: 'visible',
    body: z.strictObject({
      /** The session will work on folds of this project only; left out: of the caller's, null: of all. */
      project: Slug.nullable().optional(),
      validSeconds: z
        .int()
        .min(60)
        .max(7 * 86_400)
        .default(3600),
    }),
    status: 201,
    response: IssuedToken,
    isSecret: true,
    problems: ['not-found'],
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    summary: 'List sessions, newest first',
    roles: readers,
    scope: 'visible',
    query: z.object({ ...pageQuery, status: SessionStatus.optional() }),
    status: 200,
    response: pageOf(Session),
    problems: [],
  },
  getSession: {
    method: 'GET',
    path: '/v1/sessions/:session',
    summary: 'Get a session',
    roles: readers,
    scope: 'session',
    params: session,
    status: 200,
    response: Session,
    problems: [],
  },
  stopSession: {
    method: 'POST',
    path: '/v1/sessions/:session/stop',
    summary: 'End a session at once: its token is void, and its fold goes on elsewhere from its last checkpoint',
    roles: owners,
    scope: 'session',
    params: session,
    status: 200,
    response: Session,
    problems: [],
  },
  drainSession: {
    method: 'POST',
    path: '/v1/sessions/:session/drain',
    summary: 'Ask a session to checkpoint, hand over and stop',
    roles: owners,
    scope: 'session',
    params: session,
    status: 200,
    response: Session,
    problems: ['conflict'],
  },
  registerSession: {
    method: 'POST',
    path: '/v1/sessions',
    summary: 'Register a session; uses up the enrolment token',
    roles: ['enrolment'],
    scope: 'own',
    body: SessionRegistration,
    status: 201,
    response: RegisteredSession,
    isSecret: true,
    problems: [],
  },
  endSession: {
    method: 'POST',
    path: '/v1/sessions/:session/end',
    summary: 'Say goodbye; the token ends with it',
    roles: ['session'],
    scope: 'own',
    params: session,
    status: 204,
    problems: ['conflict'],
  },
} as const satisfies Record<string, RouteSpec>
