import { z } from 'zod'
import type { RouteSpec } from './route.ts'

/** Of the service itself. */
export const serviceRoutes = {
  getHealth: {
    method: 'GET',
    path: '/v1/health',
    summary: 'Whether the service can do its work',
    roles: [],
    scope: 'anybody',
    status: 200,
    response: z.strictObject({ status: z.literal('ok'), version: z.string() }),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
