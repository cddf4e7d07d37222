import { z } from 'zod'
import { Ordinal, Slug } from '../ids.ts'
import { Download } from '../resources.ts'
import { Submission, SubmissionOptions } from '../submission.ts'
import { experiment, pageOf, pageQuery, project, readers, submitters } from './parts.ts'
import type { RouteSpec } from './route.ts'

const submission = z.object({ project: Slug, number: z.coerce.number().pipe(Ordinal) })

/** Files for a competition, and the scores they got there. */
export const submissionsRoutes = {
  createSubmission: {
    method: 'POST',
    path: '/v1/projects/:project/experiments/:version/submissions',
    summary: "Make a submission's file from a completed experiment; ask at Location for when it is ready",
    roles: submitters,
    scope: 'project',
    params: experiment,
    body: SubmissionOptions,
    status: 202,
    location: '/v1/projects/:project/submissions/:number',
    response: Submission,
    problems: ['conflict', 'blob-missing', 'storage-unavailable'],
  },
  listExperimentSubmissions: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/submissions',
    summary: "List an experiment's submissions, newest first",
    roles: readers,
    scope: 'project',
    params: experiment,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Submission),
    problems: [],
  },
  listSubmissions: {
    method: 'GET',
    path: '/v1/projects/:project/submissions',
    summary: "List a project's submissions, newest first",
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Submission),
    problems: [],
  },
  getSubmission: {
    method: 'GET',
    path: '/v1/projects/:project/submissions/:number',
    summary: 'Get a submission',
    roles: readers,
    scope: 'project',
    params: submission,
    status: 200,
    response: Submission,
    problems: [],
  },
  downloadSubmission: {
    method: 'GET',
    path: '/v1/projects/:project/submissions/:number/download',
    summary: "Get an address to read a submission's file from",
    roles: readers,
    scope: 'project',
    params: submission,
    status: 200,
    response: Download,
    problems: ['conflict', 'storage-unavailable'],
  },
  scoreSubmission: {
    method: 'POST',
    path: '/v1/projects/:project/submissions/:number/score',
    summary: "Record a submission's scores; LB is that of the experiment's best public one, higher is better",
    roles: submitters,
    scope: 'project',
    params: submission,
    body: z.strictObject({
      /** Left out: it stays as it is; null: it is taken back. */
      lbPublic: z.number().nullable().optional(),
      lbPrivate: z.number().nullable().optional(),
    }),
    status: 200,
    response: Submission,
    problems: ['conflict'],
  },
} as const satisfies Record<string, RouteSpec>
