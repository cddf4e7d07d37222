import { z } from 'zod'
import { Digest } from '../ids.ts'
import { Checkpoint, CheckpointDownload } from '../resources.ts'
import { fold, list, pageOf, pageQuery, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

const checkpoint = fold.extend({ digest: Digest })

/** What a fold can be resumed from, for those who want to look. */
export const checkpointsRoutes = {
  listCheckpoints: {
    method: 'GET',
    path: '/v1/folds/:fold/checkpoints',
    summary: "List a fold's checkpoints that are kept, newest first",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Checkpoint),
    problems: [],
  },
  getCheckpoint: {
    method: 'GET',
    path: '/v1/folds/:fold/checkpoints/:digest',
    summary: 'Get a checkpoint with its manifest: position, environment, files',
    roles: readers,
    scope: 'fold',
    params: checkpoint,
    status: 200,
    response: Checkpoint,
    problems: [],
  },
  downloadCheckpoint: {
    method: 'GET',
    path: '/v1/folds/:fold/checkpoints/:digest/download',
    summary: "Get addresses to read a checkpoint's files from",
    roles: readers,
    scope: 'fold',
    params: checkpoint,
    status: 200,
    response: list(CheckpointDownload),
    problems: ['storage-unavailable'],
  },
} as const satisfies Record<string, RouteSpec>
