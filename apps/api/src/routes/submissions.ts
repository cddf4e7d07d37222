import {
  assertReady,
  createSubmission,
  findProject,
  getExperiment,
  getSubmission,
  grantDownload,
  scoreSubmission,
} from '@baton/core'
import type { Handlers } from '../context.ts'

export const submissionHandlers: Handlers<
  | 'createSubmission'
  | 'listExperimentSubmissions'
  | 'listSubmissions'
  | 'getSubmission'
  | 'downloadSubmission'
  | 'scoreSubmission'
> = {
  createSubmission: async (deps, { params, body }, { requestId }) => {
    const submission = await createSubmission(deps, { ...params, options: body, id: requestId })
    await deps.dispatch()
    return submission
  },
  listExperimentSubmissions: async (deps, { params, query }) => {
    const experiment = await getExperiment(deps, params)
    return deps.store.submissions.list({ experimentId: experiment.id }, query)
  },
  listSubmissions: async (deps, { params, query }) => {
    const project = await findProject(deps, params.project)
    return deps.store.submissions.list({ projectId: project.id }, query)
  },
  getSubmission: (deps, { params }) => getSubmission(deps, params),
  downloadSubmission: async (deps, { params }) => {
    const submission = await getSubmission(deps, params)
    assertReady(submission)
    return grantDownload(deps.blobs, submission.file!.digest)
  },
  scoreSubmission: async (deps, { params, body }) => {
    const submission = await scoreSubmission(deps, { ...params, ...body })
    await deps.dispatch()
    return submission
  },
}
