import { z } from 'zod'
import { Slug } from '../ids.ts'
import { Project } from '../resources.ts'
import { list, owners, project, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** What experiments are compared within. */
export const projectsRoutes = {
  createProject: {
    method: 'POST',
    path: '/v1/projects',
    summary: 'Create a project: what experiments are compared within',
    roles: owners,
    scope: 'service',
    body: z.strictObject({ slug: Slug, name: z.string().trim().min(1).max(120) }),
    status: 201,
    response: Project,
    problems: ['already-exists'],
  },
  listProjects: {
    method: 'GET',
    path: '/v1/projects',
    summary: 'List projects',
    roles: readers,
    scope: 'visible',
    status: 200,
    response: list(Project),
    problems: [],
  },
  getProject: {
    method: 'GET',
    path: '/v1/projects/:project',
    summary: 'Get a project',
    roles: readers,
    scope: 'project',
    params: project,
    status: 200,
    response: Project,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
