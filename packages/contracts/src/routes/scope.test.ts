import { expect, test } from 'vitest'
import { isPersonal } from '../states.ts'
import { routes } from './index.ts'
import { idScopes } from './route.ts'
import type { RouteSpec } from './route.ts'

test.each(Object.entries(routes) as [string, RouteSpec][])(
  '%s: its scope is that of what its path names, and of those who may call',
  (_, { scope, path, roles }) => {
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name)
    // Only the fence guards these, and only sessions have one.
    const isSessions = scope === 'own' || scope === 'lease'
    if (names.includes('project')) expect(scope).toBe('project')
    for (const kind of idScopes) if (names.includes(kind) && !isSessions) expect(scope).toBe(kind)
    if (scope === 'project' || idScopes.some((kind) => kind === scope)) expect(names).toContain(scope)
    expect(scope === 'anybody').toBe(roles.length === 0)
    expect(roles.length > 0 && !roles.some(isPersonal)).toBe(isSessions)
  },
)
