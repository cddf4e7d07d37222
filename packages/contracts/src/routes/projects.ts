import { z } from 'zod'
import { Slug } from '../ids.ts'
import { Project } from '../resources.ts'
import { owners, pageOf, pageQuery, project, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

const name = z.string().trim().min(1).max(120)

/** What experiments are compared within. */
export const projectsRoutes = {
  createProject: {
    method: 'POST',
    path: '/v1/projects',
    summary: 'Create a project: what experiments are compared within',
    roles: owners,
    scope: 'service',
    body: z.strictObject({ slug: Slug, name }),
    status: 201,
    response: Project,
    problems: ['already-exists'],
  },
  listProjects: {
    method: 'GET',
    path: '/v1/projects',
    summary: 'List projects by short name',
    roles: readers,
    scope: 'visible',
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Project),
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
  updateProject: {
    method: 'PATCH',
    path: '/v1/projects/:project',
    summary: "Change a project's name for people; its short name stays",
    roles: owners,
    scope: 'project',
    params: project,
    body: z.strictObject({ name }),
    status: 200,
    response: Project,
    needsIfMatch: true,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
