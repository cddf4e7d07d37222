import {
  createArtifact,
  deleteArtifact,
  findExperimentArtifact,
  findProject,
  getArtifact,
  grantDownload,
  listExperimentArtifacts,
} from '@baton/core'
import type { Handlers } from '../context.ts'

export const artifactHandlers: Handlers<
  | 'listExperimentArtifacts'
  | 'downloadExperimentArtifact'
  | 'createArtifact'
  | 'listArtifacts'
  | 'getArtifact'
  | 'downloadArtifact'
  | 'deleteArtifact'
> = {
  listExperimentArtifacts: async (deps, { params }) => ({ items: await listExperimentArtifacts(deps, params) }),
  downloadExperimentArtifact: async (deps, { params }) => {
    const { digest } = await findExperimentArtifact(deps, params)
    return grantDownload(deps.blobs, digest)
  },
  createArtifact: (deps, { params, body }) => createArtifact(deps, { project: params.project, ...body }),
  listArtifacts: async (deps, { params, query }) => {
    const project = await findProject(deps, params.project)
    return deps.store.artifacts.list(project.id, query)
  },
  getArtifact: (deps, { params }) => getArtifact(deps, { project: params.project, name: params.artifact }),
  downloadArtifact: async (deps, { params }) => {
    const { digest } = await getArtifact(deps, { project: params.project, name: params.artifact })
    return grantDownload(deps.blobs, digest)
  },
  deleteArtifact: (deps, { params }) => deleteArtifact(deps, { project: params.project, name: params.artifact }),
}
