import { z } from 'zod'
import { CheckpointManifest, FoldResult } from '../checkpoint.ts'
import { Blob, Count, Digest, Id, Ordinal } from '../ids.ts'
import { Command, Download, Failure, Lease, LogLine, MetricPoint, Moment, Progress, Upload } from '../resources.ts'
import { fold, list, session } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** The lease protocol: what a session's worker says of the fold it holds. */
export const leasesRoutes = {
  acquireLease: {
    method: 'POST',
    path: '/v1/sessions/:session/leases',
    summary: 'Wait for a fold to train; `lease` is null when none came in time',
    roles: ['session'],
    scope: 'own',
    params: session,
    body: z.strictObject({
      waitSeconds: z.number().min(0).max(30).default(20),
      holding: z
        .array(Id)
        .max(15)
        .default([])
        .describe(
          'Folds that the session works on already, one a GPU; one that it holds beside them it never heard of',
        ),
    }),
    status: 200,
    response: z.strictObject({ lease: Lease.nullable(), command: Command.nullable() }),
    problems: ['conflict'],
  },
  heartbeat: {
    method: 'POST',
    path: '/v1/folds/:fold/heartbeat',
    summary: 'Renew the lease; deliver progress, metrics and log lines; receive commands',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({
      fence: Ordinal,
      progress: Progress.nullable().default(null),
      secondsLeft: z
        .number()
        .min(0)
        .max(30 * 86_400)
        .nullable()
        .default(null),
      metrics: z.array(MetricPoint).max(2000).default([]),
      logs: z.array(LogLine).max(1000).default([]),
    }),
    status: 200,
    response: z.strictObject({ leaseSeconds: z.number().positive(), command: Command.nullable() }),
    problems: ['lease-lost'],
  },
  createFoldUploads: {
    method: 'POST',
    path: '/v1/folds/:fold/uploads',
    summary: 'Get addresses to upload checkpoint and result objects to',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, blobs: z.array(Blob).min(1).max(500) }),
    status: 200,
    response: list(Upload),
    problems: ['lease-lost', 'storage-unavailable'],
  },
  createFoldDownloads: {
    method: 'POST',
    path: '/v1/folds/:fold/downloads',
    summary: "Get addresses of the fold's own code, data and checkpoint objects",
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, digests: z.array(Digest).min(1).max(500) }),
    status: 200,
    response: list(Download),
    problems: ['lease-lost', 'storage-unavailable'],
  },
  recordCheckpoint: {
    method: 'POST',
    path: '/v1/folds/:fold/checkpoints',
    summary: 'Commit an uploaded checkpoint: the next session resumes from it',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, manifest: CheckpointManifest }),
    status: 201,
    response: z.strictObject({ digest: Digest, step: z.int().nonnegative(), committedAt: Moment }),
    problems: ['lease-lost', 'blob-missing', 'checkpoint-corrupt', 'storage-unavailable'],
  },
  handOverFold: {
    method: 'POST',
    path: '/v1/folds/:fold/hand-over',
    summary: 'Give the lease back; the fold goes on elsewhere from its last checkpoint',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, step: Count }),
    status: 204,
    problems: ['lease-lost'],
  },
  completeFold: {
    method: 'POST',
    path: '/v1/folds/:fold/completion',
    summary: 'End a fold with its uploaded predictions and weights',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, step: Count, result: FoldResult }),
    status: 204,
    problems: ['lease-lost', 'blob-missing', 'predictions-incomplete', 'storage-unavailable'],
  },
  failFold: {
    method: 'POST',
    path: '/v1/folds/:fold/failure',
    summary: 'Report that training failed; answers what happens next',
    roles: ['session'],
    scope: 'lease',
    params: fold,
    body: z.strictObject({ fence: Ordinal, failure: Failure }),
    status: 200,
    response: z.strictObject({ outcome: z.enum(['retrying', 'given-up']), retryInSeconds: z.number().nullable() }),
    problems: ['lease-lost'],
  },
} as const satisfies Record<string, RouteSpec>
