import { z } from 'zod'
import { Attempt, Fold, MetricPoint, StoredLogLine, StoredMetric } from '../resources.ts'
import { fold, list, page, pageOf, pageQuery, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Folds, and what their sessions said of them. */
export const foldsRoutes = {
  getFold: {
    method: 'GET',
    path: '/v1/folds/:fold',
    summary: 'Get a fold',
    roles: readers,
    scope: 'fold',
    params: fold,
    status: 200,
    response: Fold,
    problems: [],
  },
  listAttempts: {
    method: 'GET',
    path: '/v1/folds/:fold/attempts',
    summary: "A fold's attempts, first to last",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Attempt),
    problems: [],
  },
  listLogs: {
    method: 'GET',
    path: '/v1/folds/:fold/logs',
    summary: "A fold's log lines after an id, oldest first",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object(page),
    status: 200,
    response: list(StoredLogLine),
    problems: [],
  },
  listMetrics: {
    method: 'GET',
    path: '/v1/folds/:fold/metrics',
    summary: 'A metric of a fold by step, stitched over its attempts',
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object({ name: MetricPoint.shape.name }),
    status: 200,
    response: list(StoredMetric),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
