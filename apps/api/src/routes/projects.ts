import { checkBundle } from '@baton/bundle'
import { createCodeBundle, createDatasetVersion, findProject, grantUploads } from '@baton/core'
import type { Handlers } from '../context.ts'

export const projectHandlers: Handlers<
  | 'createProject'
  | 'listProjects'
  | 'getProject'
  | 'createUploads'
  | 'createDatasetVersion'
  | 'listDatasetVersions'
  | 'createCodeBundle'
  | 'listCodeBundles'
> = {
  createProject: ({ store }, { body }) => store.transaction(({ projects }) => projects.insert(body)),
  listProjects: async ({ store }, _, { caller }) => ({
    items: await store.projects.list(caller.project?.slug ?? null),
  }),
  getProject: (deps, { params }) => findProject(deps, params.project),
  createUploads: async (deps, { params, body }) => {
    await findProject(deps, params.project)
    return { items: await grantUploads(deps.blobs, body.blobs) }
  },
  createDatasetVersion: (deps, { params, body }) => createDatasetVersion(deps, { project: params.project, ...body }),
  listDatasetVersions: async (deps, { params }) => {
    const project = await findProject(deps, params.project)
    return { items: await deps.store.datasets.list(project.id) }
  },
  createCodeBundle: (deps, { params, body }) =>
    createCodeBundle(
      { ...deps, checkBundle: async (bytes) => (await checkBundle(bytes)).map((entry) => entry.name) },
      { project: params.project, digest: body.digest },
    ),
  listCodeBundles: async (deps, { params }) => {
    const project = await findProject(deps, params.project)
    return { items: await deps.store.bundles.list(project.id) }
  },
}
