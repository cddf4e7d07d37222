import { z } from 'zod'
import { Ordinal } from '../ids.ts'
import { LogLine, Moment, StoredLogLine } from '../resources.ts'
import { experiment, fold, pageOf, pageQuery, readers, streamQuery } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Which lines are wanted, and from which end. */
const logQuery = z.object({
  ...pageQuery,
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  /** `newest`: the last lines first, which is how a log's end is read. */
  order: z.enum(['oldest', 'newest']).default('oldest'),
  /** Lines that have this in them, whatever the case of its letters. */
  q: z
    .string()
    .regex(/^[^\0]{1,200}$/, 'has 1 to 200 characters')
    .optional(),
  /** This level or a graver one. */
  level: LogLine.shape.level.optional(),
  attempt: z.coerce.number().pipe(Ordinal).optional(),
  since: Moment.optional(),
  until: Moment.optional(),
})

/** What trainings print. */
export const logsRoutes = {
  listLogs: {
    method: 'GET',
    path: '/v1/folds/:fold/logs',
    summary: "A fold's log lines, from either end; searched by text, level, attempt and time",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: logQuery,
    status: 200,
    response: pageOf(StoredLogLine),
    problems: [],
  },
  listExperimentLogs: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/logs',
    summary: "Log lines of all of an experiment's folds, from either end; searched as a fold's",
    roles: readers,
    scope: 'project',
    params: experiment,
    query: logQuery,
    status: 200,
    response: pageOf(StoredLogLine),
    problems: [],
  },
  streamLogs: {
    method: 'GET',
    path: '/v1/folds/:fold/logs/stream',
    summary: "A fold's log lines as they come",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: streamQuery,
    status: 200,
    stream: StoredLogLine,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
