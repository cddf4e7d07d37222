import { z } from 'zod'
import { Event } from '../events.ts'
import { experiment, list, page, project, readers, streamQuery } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** What happened. A place in one of the streams is good for all three of them. */
export const eventsRoutes = {
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
  streamEvents: {
    method: 'GET',
    path: '/v1/events',
    summary: 'Events of all projects that the token may read, as they happen',
    roles: readers,
    scope: 'visible',
    query: streamQuery,
    status: 200,
    stream: Event,
    problems: [],
  },
  streamProjectEvents: {
    method: 'GET',
    path: '/v1/projects/:project/events/stream',
    summary: "A project's events as they happen",
    roles: readers,
    scope: 'project',
    params: project,
    query: streamQuery,
    status: 200,
    stream: Event,
    problems: [],
  },
  streamExperimentEvents: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/events/stream',
    summary: "An experiment's events as they happen",
    roles: readers,
    scope: 'project',
    params: experiment,
    query: streamQuery,
    status: 200,
    stream: Event,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
