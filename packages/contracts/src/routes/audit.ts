import { z } from 'zod'
import { AuditEntry } from '../audit.ts'
import { Id, Slug } from '../ids.ts'
import { Moment } from '../resources.ts'
import { owners, pageOf, pageQuery } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Who changed what, and when. */
export const auditRoutes = {
  listAudit: {
    method: 'GET',
    path: '/v1/audit',
    summary: 'List what people changed, or tried to, newest first',
    roles: owners,
    scope: 'visible',
    query: z.object({
      ...pageQuery,
      project: Slug.optional(),
      token: Id.optional(),
      since: Moment.optional(),
      until: Moment.optional(),
    }),
    status: 200,
    response: pageOf(AuditEntry),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
