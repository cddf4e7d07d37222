import { z } from 'zod'
import { FoldCurves, MetricName } from '../curves.ts'
import { MetricPoint, StoredMetric } from '../resources.ts'
import { experiment, fold, list, pageOf, pageQuery, readers, streamQuery } from './parts.ts'
import type { RouteSpec } from './route.ts'

const { name } = MetricPoint.shape
/** Points a curve is thinned to; first, last, lowest and highest are among them. */
const points = z.coerce.number().int().min(4).max(5000).default(500)

/** What trainings measure. */
export const metricsRoutes = {
  listMetricNames: {
    method: 'GET',
    path: '/v1/folds/:fold/metrics/names',
    summary: 'Which metrics a fold has reported, and their newest values',
    roles: readers,
    scope: 'fold',
    params: fold,
    status: 200,
    response: list(MetricName),
    problems: [],
  },
  listMetrics: {
    method: 'GET',
    path: '/v1/folds/:fold/metrics',
    summary: 'Every point of a metric of a fold by step, stitched over its attempts',
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object({ ...pageQuery, limit: z.coerce.number().int().min(1).max(1000).default(200), name }),
    status: 200,
    response: pageOf(StoredMetric),
    problems: [],
  },
  getFoldCurves: {
    method: 'GET',
    path: '/v1/folds/:fold/curves',
    summary: 'Curves of a fold, stitched over its attempts and thinned for a picture',
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object({
      /** Names of metrics, with commas between them. */
      names: z
        .string()
        .max(1040)
        .transform((names) => names.split(','))
        .pipe(z.array(name).min(1).max(16)),
      points,
    }),
    status: 200,
    response: FoldCurves,
    problems: [],
  },
  getExperimentCurves: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/curves',
    summary: "One metric's curve of each of an experiment's folds, thinned for a picture",
    roles: readers,
    scope: 'project',
    params: experiment,
    query: z.object({ name, points }),
    status: 200,
    response: list(FoldCurves),
    problems: [],
  },
  streamMetrics: {
    method: 'GET',
    path: '/v1/folds/:fold/metrics/stream',
    summary: 'Points of all metrics of a fold as they come; a step that a later attempt does again comes again',
    roles: readers,
    scope: 'fold',
    params: fold,
    query: streamQuery,
    status: 200,
    stream: StoredMetric,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
