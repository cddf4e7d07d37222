import { z } from 'zod'
import { Artifact, ArtifactKind, ExperimentArtifact } from '../artifact.ts'
import { ArtifactName, Digest } from '../ids.ts'
import { Download } from '../resources.ts'
import { experiment, list, pageOf, pageQuery, project, readers, submitters } from './parts.ts'
import type { RouteSpec } from './route.ts'

const artifact = project.extend({ artifact: ArtifactName })

/** Objects that people may want, by name: what experiments left, and what a person keeps. */
export const artifactsRoutes = {
  listExperimentArtifacts: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/artifacts',
    summary: 'List what an experiment has left so far: weights, predictions, files of submissions',
    roles: readers,
    scope: 'project',
    params: experiment,
    status: 200,
    response: list(ExperimentArtifact),
    problems: [],
  },
  downloadExperimentArtifact: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/artifacts/:digest/download',
    summary: 'Get an address to read one of them from',
    roles: readers,
    scope: 'project',
    params: experiment.extend({ digest: Digest }),
    status: 200,
    response: Download,
    problems: ['storage-unavailable'],
  },
  createArtifact: {
    method: 'POST',
    path: '/v1/projects/:project/artifacts',
    summary: 'Keep an uploaded object under a name',
    roles: submitters,
    scope: 'project',
    params: project,
    body: z.strictObject({
      name: ArtifactName,
      digest: Digest,
      kind: ArtifactKind.default('other'),
      note: z.string().max(4000).default(''),
    }),
    status: 201,
    response: Artifact,
    problems: ['already-exists', 'blob-missing', 'storage-unavailable'],
  },
  listArtifacts: {
    method: 'GET',
    path: '/v1/projects/:project/artifacts',
    summary: 'List what is kept in a project, by name',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Artifact),
    problems: [],
  },
  getArtifact: {
    method: 'GET',
    path: '/v1/projects/:project/artifacts/:artifact',
    summary: 'Get an artifact by its name',
    roles: readers,
    scope: 'project',
    params: artifact,
    status: 200,
    response: Artifact,
    problems: [],
  },
  downloadArtifact: {
    method: 'GET',
    path: '/v1/projects/:project/artifacts/:artifact/download',
    summary: 'Get an address to read an artifact from',
    roles: readers,
    scope: 'project',
    params: artifact,
    status: 200,
    response: Download,
    problems: ['storage-unavailable'],
  },
  deleteArtifact: {
    method: 'DELETE',
    path: '/v1/projects/:project/artifacts/:artifact',
    summary: 'Remove an artifact with its object; refused while anything else refers to the object',
    roles: submitters,
    scope: 'project',
    params: artifact,
    status: 204,
    problems: ['conflict', 'storage-unavailable'],
  },
} as const satisfies Record<string, RouteSpec>
