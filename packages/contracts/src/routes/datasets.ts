import { z } from 'zod'
import { Blob, Digest, Slug } from '../ids.ts'
import { CodeBundle, DatasetVersion, Upload } from '../resources.ts'
import { list, pageOf, pageQuery, project, readers, submitters } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Datasets, code bundles, and the objects they are made of. */
export const datasetsRoutes = {
  createUploads: {
    method: 'POST',
    path: '/v1/projects/:project/uploads',
    summary: 'Get addresses to upload objects to, by digest',
    roles: submitters,
    scope: 'project',
    params: project,
    body: z.strictObject({ blobs: z.array(Blob).min(1).max(500) }),
    status: 200,
    response: list(Upload),
    problems: ['storage-unavailable'],
  },
  createDatasetVersion: {
    method: 'POST',
    path: '/v1/projects/:project/datasets',
    summary: 'Make an uploaded manifest the next version of a dataset',
    roles: submitters,
    scope: 'project',
    params: project,
    body: z.strictObject({ name: Slug, manifest: Digest }),
    status: 201,
    response: DatasetVersion,
    problems: ['manifest-invalid', 'blob-missing', 'digest-mismatch', 'storage-unavailable'],
  },
  listDatasetVersions: {
    method: 'GET',
    path: '/v1/projects/:project/datasets',
    summary: 'List dataset versions, newest first',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(DatasetVersion),
    problems: [],
  },
  createCodeBundle: {
    method: 'POST',
    path: '/v1/projects/:project/code',
    summary: 'Register an uploaded code bundle, once it proved safe to unpack',
    roles: submitters,
    scope: 'project',
    params: project,
    body: z.strictObject({ digest: Digest }),
    status: 201,
    response: CodeBundle,
    problems: ['bundle-invalid', 'blob-missing', 'digest-mismatch', 'storage-unavailable'],
  },
  listCodeBundles: {
    method: 'GET',
    path: '/v1/projects/:project/code',
    summary: 'List code bundles, newest first',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(CodeBundle),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
