import { checkBundle } from '@baton/bundle'
import { AppError } from '@baton/contracts'
import {
  createCodeBundle,
  createDatasetVersion,
  findProject,
  grantDownload,
  grantUploads,
  updateProject,
} from '@baton/core'
import type { Handlers } from '../context.ts'

export const projectHandlers: Handlers<
  | 'createProject'
  | 'listProjects'
  | 'getProject'
  | 'updateProject'
  | 'createUploads'
  | 'createDatasetVersion'
  | 'listDatasetVersions'
  | 'getDatasetVersion'
  | 'downloadDatasetObject'
  | 'createCodeBundle'
  | 'listCodeBundles'
  | 'getCodeBundle'
> = {
  createProject: ({ store }, { body }) => store.transaction(({ projects }) => projects.insert(body)),
  listProjects: ({ store }, { query }, { caller }) => store.projects.list(caller.project?.slug ?? null, query),
  getProject: (deps, { params }) => findProject(deps, params.project),
  updateProject: (deps, { params, body }, { ifMatch }) =>
    updateProject(deps, { slug: params.project, ...body, ifMatch }),
  createUploads: async (deps, { params, body }) => {
    await findProject(deps, params.project)
    return { items: await grantUploads(deps.blobs, body.blobs) }
  },
  createDatasetVersion: (deps, { params, body }) => createDatasetVersion(deps, { project: params.project, ...body }),
  listDatasetVersions: async (deps, { params, query }) => {
    const project = await findProject(deps, params.project)
    return deps.store.datasets.list(project.id, query)
  },
  getDatasetVersion: async (deps, { params }) => {
    const project = await findProject(deps, params.project)
    return existing(await deps.store.datasets.get(project.id, params.dataset, params.version), params)
  },
  downloadDatasetObject: async (deps, { params }) => {
    const project = await findProject(deps, params.project)
    const found = existing(await deps.store.datasets.find(project.id, params.dataset, params.version), params)
    const object = [found.manifest, ...found.shards].find(({ digest }) => digest === params.digest)
    return grantDownload(deps.blobs, existing(object ?? null, params).digest)
  },
  createCodeBundle: (deps, { params, body }) =>
    createCodeBundle(
      { ...deps, checkBundle: async (bytes) => (await checkBundle(bytes)).map((entry) => entry.name) },
      { project: params.project, digest: body.digest },
    ),
  listCodeBundles: async (deps, { params, query }) => {
    const project = await findProject(deps, params.project)
    return deps.store.bundles.list(project.id, query)
  },
  getCodeBundle: async (deps, { params }) => {
    const project = await findProject(deps, params.project)
    return existing(await deps.store.bundles.get(project.id, params.digest), params)
  },
}

/** @throws {AppError} `not-found` */
function existing<T>(found: T | null, facts: Readonly<Record<string, unknown>>): T {
  if (found === null) throw new AppError('not-found', facts)
  return found
}
