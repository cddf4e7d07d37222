import { z } from 'zod'
import { IssuedToken, RegisteredSession, Session, SessionRegistration } from '../resources.ts'
import { list, owners, readers, session } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Sessions, from enrolment to the end. */
export const sessionsRoutes = {
  createEnrolment: {
    method: 'POST',
    path: '/v1/enrolments',
    summary: 'Issue a token that registers one session, once',
    roles: owners,
    body: z.strictObject({
      validSeconds: z
        .int()
        .min(60)
        .max(7 * 86_400)
        .default(3600),
    }),
    status: 201,
    response: IssuedToken,
    isSecret: true,
    problems: [],
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    summary: 'List sessions, newest first',
    roles: readers,
    status: 200,
    response: list(Session),
    problems: [],
  },
  drainSession: {
    method: 'POST',
    path: '/v1/sessions/:session/drain',
    summary: 'Ask a session to checkpoint, hand over and stop',
    roles: owners,
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
    params: session,
    status: 204,
    problems: ['conflict'],
  },
} as const satisfies Record<string, RouteSpec>
