import { AppError } from '@baton/contracts'
import type { RegisteredSession, SessionRegistration } from '@baton/contracts'
import type { LeaseTimes } from '../policy.ts'
import type { Caller, Store } from '../store.ts'
import { insertToken } from '../token/issue-token.ts'

/** A session without an end may keep its token this long. */
const longestSessionSeconds = 7 * 86_400
/** A token outlives its session's deadline by this, so that a late goodbye is still heard. */
const graceSeconds = 600

/**
 * Registers a session with a one-use enrolment token and gives it a token of its own, good for its lifetime and
 * for nothing but the folds it leases. The session is of the enrolment's project. One that does not say how long it
 * lives lives as long as its provider's profile says.
 *
 * @throws {AppError} `unauthenticated` when the enrolment token was used by somebody faster
 */
export async function registerSession(
  { store, times }: { store: Store; times: LeaseTimes },
  input: { enrolment: Pick<Caller, 'tokenId' | 'project'>; registration: SessionRegistration },
): Promise<RegisteredSession> {
  const { tokenId, project } = input.enrolment
  return store.transaction(async (tables) => {
    if (!(await tables.tokens.use(tokenId)))
      throw new AppError('unauthenticated', {}, { detail: 'this enrolment token has been used' })
    const { sessionSeconds } = await tables.providers.get(input.registration.provider)
    const secondsLeft = input.registration.secondsLeft ?? sessionSeconds
    const session = await tables.sessions.insert({ ...input.registration, secondsLeft }, project?.id ?? null)
    const validSeconds = Math.ceil((secondsLeft ?? longestSessionSeconds) + graceSeconds)
    const { token } = await insertToken(tables, {
      name: session.name,
      role: 'session',
      project,
      sessionId: session.id,
      validSeconds,
    })
    const { heartbeatSeconds, leaseSeconds } = times
    return { id: session.id, token, secondsLeft, heartbeatSeconds, leaseSeconds }
  })
}
