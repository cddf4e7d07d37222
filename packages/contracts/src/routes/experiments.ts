import { z } from 'zod'
import { Event } from '../events.ts'
import { Experiment, ExperimentSummary } from '../resources.ts'
import { ExperimentSpec } from '../spec.ts'
import { experiment, list, page, project, readers, submitters } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Experiments: one immutable spec each, numbered within a project. */
export const experimentsRoutes = {
  createExperiment: {
    method: 'POST',
    path: '/v1/projects/:project/experiments',
    summary: 'Start an experiment: store the spec and queue one job a fold',
    roles: submitters,
    scope: 'project',
    params: project,
    body: ExperimentSpec,
    status: 201,
    response: Experiment,
    problems: ['spec-invalid', 'idempotency-key-reused', 'idempotency-in-flight'],
  },
  listExperiments: {
    method: 'GET',
    path: '/v1/projects/:project/experiments',
    summary: 'List experiments, newest first',
    roles: readers,
    scope: 'project',
    params: project,
    status: 200,
    response: list(ExperimentSummary),
    problems: [],
  },
  getExperiment: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version',
    summary: 'Get an experiment with its folds',
    roles: readers,
    scope: 'project',
    params: experiment,
    status: 200,
    response: Experiment,
    problems: [],
  },
  cancelExperiment: {
    method: 'POST',
    path: '/v1/projects/:project/experiments/:version/cancel',
    summary: 'Cancel an experiment: no fold is leased again, running ones stop at their next heartbeat',
    roles: submitters,
    scope: 'project',
    params: experiment,
    status: 200,
    response: Experiment,
    problems: ['conflict'],
  },
  recordLb: {
    method: 'PUT',
    path: '/v1/projects/:project/experiments/:version/lb',
    summary: 'Record leaderboard scores by hand',
    roles: submitters,
    scope: 'project',
    params: experiment,
    body: z.strictObject({ lbPublic: z.number().nullable().optional(), lbPrivate: z.number().nullable().optional() }),
    status: 200,
    response: Experiment,
    problems: [],
  },
  listExperimentEvents: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/events',
    summary: "An experiment's events after an id, oldest first",
    roles: readers,
    scope: 'project',
    params: experiment,
    query: z.object(page),
    status: 200,
    response: list(Event),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
