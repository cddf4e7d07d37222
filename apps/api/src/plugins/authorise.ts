import { AppError, assertNever, parseOrThrow } from '@baton/contracts'
import type { IdScope, RouteSpec } from '@baton/contracts'
import type { Caller, Tables } from '@baton/core'

/**
 * Whether a caller may call a route: by role, and then by the project that its target is of. The one place where that is
 * decided; what a route is about stands in its `scope`.
 *
 * A project named by its slug is refused whether or not it exists; an id of another project is as good as none. That
 * takes one query where the path names an id, and none for sessions, whose verbs check the fence.
 *
 * @returns Slug of the project that the request is about; null: of none in particular.
 * @throws {AppError} `forbidden`, `not-found`
 */
export async function authorise(
  store: Tables,
  route: Pick<RouteSpec, 'method' | 'roles' | 'scope' | 'params'>,
  caller: Caller,
  pathParams: unknown,
): Promise<string | null> {
  if (route.roles.length > 0 && !route.roles.includes(caller.role))
    throw forbidden(`this needs a token of role ${route.roles.join(' or ')}`, { role: caller.role })
  const raw = pathParams as Record<string, string | undefined>
  const own = caller.project?.slug ?? null
  const { scope } = route
  switch (scope) {
    case 'anybody':
    case 'lease':
      return null
    case 'visible':
      return own
    case 'service':
      if (own !== null) throw forbidden('this needs a token of all projects', { project: own })
      return null
    case 'project':
      // Before it is known whether the path can be of anything, so that every other project is refused alike.
      if (own !== null && own !== raw.project)
        throw forbidden(`this token is good for project "${own}" only`, { project: own })
      return String(paramsOf(route, raw).project)
    case 'own':
      if (raw.session !== undefined && raw.session !== caller.sessionId)
        throw forbidden('this token belongs to another session')
      return null
    case 'fold':
    case 'session':
    case 'token':
      // Who may read everything need not be told what it is of.
      if (own === null && route.method === 'GET') return null
      return projectOf(store, scope, String(paramsOf(route, raw)[scope]), own)
    default:
      return assertNever(scope)
  }
}

/** @throws {AppError} `not-found` for what cannot name anything */
function paramsOf(route: Pick<RouteSpec, 'params'>, raw: unknown): Record<string, unknown> {
  return route.params ? parseOrThrow(route.params, raw, 'not-found') : {}
}

async function projectOf(store: Tables, kind: IdScope, id: string, own: string | null): Promise<string | null> {
  const found = await store.projects.of(kind, id)
  if (found === null || (own !== null && found.slug !== own)) throw new AppError('not-found', { [kind]: id })
  return found.slug
}

function forbidden(detail: string, facts: Record<string, unknown> = {}): AppError {
  return new AppError('forbidden', facts, { detail })
}
