import { z } from 'zod'
import { CheckpointManifest, FoldResult } from './checkpoint.ts'
import { Event } from './events.ts'
import { Blob, Count, Digest, Id, Ordinal, Slug } from './ids.ts'
import type { ProblemCode } from './problems.ts'
import {
  Attempt,
  CodeBundle,
  Command,
  DatasetVersion,
  Download,
  Experiment,
  ExperimentSummary,
  Failure,
  Fold,
  IssuedToken,
  LeaderboardRow,
  Lease,
  LogLine,
  MetricPoint,
  Moment,
  Pairing,
  Progress,
  Project,
  RegisteredSession,
  Session,
  SessionRegistration,
  StoredLogLine,
  StoredMetric,
  Upload,
} from './resources.ts'
import { ExperimentSpec } from './spec.ts'
import type { Role } from './states.ts'

/** One route: the server registers it, OpenAPI describes it and the client calls it from this one row. */
export interface RouteSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: `/v1/${string}`
  readonly summary: string
  /** Who may call it; empty: anybody. */
  readonly roles: readonly Role[]
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly status: 200 | 201 | 204
  /** Absent: no content. */
  readonly response?: z.ZodType
  /** Problems beside those any route may answer with (`commonProblems`). */
  readonly problems: readonly ProblemCode[]
}

/** What any route may answer with. */
export const commonProblems = [
  'request-invalid',
  'unauthenticated',
  'forbidden',
  'not-found',
  'payload-too-large',
  'unavailable',
  'internal',
] as const satisfies readonly ProblemCode[]

const project = z.object({ project: Slug })
const experiment = z.object({ project: Slug, version: z.coerce.number().pipe(Ordinal) })
const fold = z.object({ fold: Id })
const session = z.object({ session: Id })
const fence = Ordinal
const page = {
  after: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
}
const list = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item) })

/** Every route of REST /v1. */
export const routes = {
  getHealth: {
    method: 'GET',
    path: '/v1/health',
    summary: 'Whether the service can do its work',
    roles: [],
    status: 200,
    response: z.strictObject({ status: z.literal('ok'), version: z.string() }),
    problems: [],
  },

  createProject: {
    method: 'POST',
    path: '/v1/projects',
    summary: 'Create a project: what experiments are compared within',
    roles: ['owner'],
    body: z.strictObject({ slug: Slug, name: z.string().trim().min(1).max(120) }),
    status: 201,
    response: Project,
    problems: ['already-exists'],
  },
  listProjects: {
    method: 'GET',
    path: '/v1/projects',
    summary: 'List projects',
    roles: ['owner'],
    status: 200,
    response: list(Project),
    problems: [],
  },
  getProject: {
    method: 'GET',
    path: '/v1/projects/:project',
    summary: 'Get a project',
    roles: ['owner'],
    params: project,
    status: 200,
    response: Project,
    problems: [],
  },
  createUploads: {
    method: 'POST',
    path: '/v1/projects/:project/uploads',
    summary: 'Get addresses to upload objects to, by digest',
    roles: ['owner'],
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
    roles: ['owner'],
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
    roles: ['owner'],
    params: project,
    status: 200,
    response: list(DatasetVersion),
    problems: [],
  },
  createCodeBundle: {
    method: 'POST',
    path: '/v1/projects/:project/code',
    summary: 'Register an uploaded code bundle, once it proved safe to unpack',
    roles: ['owner'],
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
    roles: ['owner'],
    params: project,
    status: 200,
    response: list(CodeBundle),
    problems: [],
  },
  createExperiment: {
    method: 'POST',
    path: '/v1/projects/:project/experiments',
    summary: 'Start an experiment: store the spec and queue one job a fold',
    roles: ['owner'],
    params: project,
    body: ExperimentSpec,
    status: 201,
    response: Experiment,
    problems: ['spec-invalid', 'idempotency-key-reused', 'idempotency-in-flight'],
  },
  listExperiments: {
    method: 'GET',
    path: '/v1/projects/:project/experiments',
    summary: 'List experiments, newest first',
    roles: ['owner'],
    params: project,
    status: 200,
    response: list(ExperimentSummary),
    problems: [],
  },
  getExperiment: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version',
    summary: 'Get an experiment with its folds',
    roles: ['owner'],
    params: experiment,
    status: 200,
    response: Experiment,
    problems: [],
  },
  cancelExperiment: {
    method: 'POST',
    path: '/v1/projects/:project/experiments/:version/cancel',
    summary: 'Cancel an experiment: no fold is leased again, running ones stop at their next heartbeat',
    roles: ['owner'],
    params: experiment,
    status: 200,
    response: Experiment,
    problems: ['conflict'],
  },
  recordLb: {
    method: 'PUT',
    path: '/v1/projects/:project/experiments/:version/lb',
    summary: 'Record leaderboard scores by hand',
    roles: ['owner'],
    params: experiment,
    body: z.strictObject({ lbPublic: z.number().nullable().optional(), lbPrivate: z.number().nullable().optional() }),
    status: 200,
    response: Experiment,
    problems: [],
  },
  listExperimentEvents: {
    method: 'GET',
    path: '/v1/projects/:project/experiments/:version/events',
    summary: "An experiment's events after an id, oldest first",
    roles: ['owner'],
    params: experiment,
    query: z.object(page),
    status: 200,
    response: list(Event),
    problems: [],
  },
  getLeaderboard: {
    method: 'GET',
    path: '/v1/projects/:project/leaderboard',
    summary: 'Completed experiments, best CV first',
    roles: ['owner'],
    params: project,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    status: 200,
    response: list(LeaderboardRow),
    problems: [],
  },
  getFold: {
    method: 'GET',
    path: '/v1/folds/:fold',
    summary: 'Get a fold',
    roles: ['owner'],
    params: fold,
    status: 200,
    response: Fold,
    problems: [],
  },
  listAttempts: {
    method: 'GET',
    path: '/v1/folds/:fold/attempts',
    summary: "A fold's attempts, first to last",
    roles: ['owner'],
    params: fold,
    status: 200,
    response: list(Attempt),
    problems: [],
  },
  listLogs: {
    method: 'GET',
    path: '/v1/folds/:fold/logs',
    summary: "A fold's log lines after an id, oldest first",
    roles: ['owner'],
    params: fold,
    query: z.object(page),
    status: 200,
    response: list(StoredLogLine),
    problems: [],
  },
  listMetrics: {
    method: 'GET',
    path: '/v1/folds/:fold/metrics',
    summary: 'A metric of a fold by step, stitched over its attempts',
    roles: ['owner'],
    params: fold,
    query: z.object({ name: MetricPoint.shape.name }),
    status: 200,
    response: list(StoredMetric),
    problems: [],
  },

  createEnrolment: {
    method: 'POST',
    path: '/v1/enrolments',
    summary: 'Issue a token that registers one session, once',
    roles: ['owner'],
    body: z.strictObject({
      validSeconds: z
        .int()
        .min(60)
        .max(7 * 86_400)
        .default(3600),
    }),
    status: 201,
    response: IssuedToken,
    problems: [],
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sessions',
    summary: 'List sessions, newest first',
    roles: ['owner'],
    status: 200,
    response: list(Session),
    problems: [],
  },
  drainSession: {
    method: 'POST',
    path: '/v1/sessions/:session/drain',
    summary: 'Ask a session to checkpoint, hand over and stop',
    roles: ['owner'],
    params: session,
    status: 200,
    response: Session,
    problems: ['conflict'],
  },
  registerSession: {
    method: 'POST',
    path: '/v1/sessions',
    summary: 'Register a session; uses up the enrolment token',
    roles: ['enrolment'],
    body: SessionRegistration,
    status: 201,
    response: RegisteredSession,
    problems: [],
  },
  endSession: {
    method: 'POST',
    path: '/v1/sessions/:session/end',
    summary: 'Say goodbye; the token ends with it',
    roles: ['session'],
    params: session,
    status: 204,
    problems: ['conflict'],
  },
  acquireLease: {
    method: 'POST',
    path: '/v1/sessions/:session/leases',
    summary: 'Wait for a fold to train; `lease` is null when none came in time',
    roles: ['session'],
    params: session,
    body: z.strictObject({ waitSeconds: z.number().min(0).max(30).default(20) }),
    status: 200,
    response: z.strictObject({ lease: Lease.nullable(), command: Command.nullable() }),
    problems: ['conflict'],
  },
  heartbeat: {
    method: 'POST',
    path: '/v1/folds/:fold/heartbeat',
    summary: 'Renew the lease; deliver progress, metrics and log lines; receive commands',
    roles: ['session'],
    params: fold,
    body: z.strictObject({
      fence,
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
    params: fold,
    body: z.strictObject({ fence, blobs: z.array(Blob).min(1).max(500) }),
    status: 200,
    response: list(Upload),
    problems: ['lease-lost', 'storage-unavailable'],
  },
  createFoldDownloads: {
    method: 'POST',
    path: '/v1/folds/:fold/downloads',
    summary: "Get addresses of the fold's own code, data and checkpoint objects",
    roles: ['session'],
    params: fold,
    body: z.strictObject({ fence, digests: z.array(Digest).min(1).max(500) }),
    status: 200,
    response: list(Download),
    problems: ['lease-lost', 'storage-unavailable'],
  },
  recordCheckpoint: {
    method: 'POST',
    path: '/v1/folds/:fold/checkpoints',
    summary: 'Commit an uploaded checkpoint: the next session resumes from it',
    roles: ['session'],
    params: fold,
    body: z.strictObject({ fence, manifest: CheckpointManifest }),
    status: 201,
    response: z.strictObject({ digest: Digest, step: z.int().nonnegative(), committedAt: Moment }),
    problems: ['lease-lost', 'blob-missing', 'checkpoint-corrupt', 'storage-unavailable'],
  },
  handOverFold: {
    method: 'POST',
    path: '/v1/folds/:fold/hand-over',
    summary: 'Give the lease back; the fold goes on elsewhere from its last checkpoint',
    roles: ['session'],
    params: fold,
    body: z.strictObject({ fence, step: Count }),
    status: 204,
    problems: ['lease-lost'],
  },
  completeFold: {
    method: 'POST',
    path: '/v1/folds/:fold/completion',
    summary: 'End a fold with its uploaded predictions and weights',
    roles: ['session'],
    params: fold,
    body: z.strictObject({ fence, step: Count, result: FoldResult }),
    status: 204,
    problems: ['lease-lost', 'blob-missing', 'predictions-incomplete', 'storage-unavailable'],
  },
  failFold: {
    method: 'POST',
    path: '/v1/folds/:fold/failure',
    summary: 'Report that training failed; answers what happens next',
    roles: ['session'],
    params: fold,
    body: z.strictObject({ fence, failure: Failure }),
    status: 200,
    response: z.strictObject({ outcome: z.enum(['retrying', 'given-up']), retryInSeconds: z.number().nullable() }),
    problems: ['lease-lost'],
  },

  createPairing: {
    method: 'POST',
    path: '/v1/telegram/pairings',
    summary: 'Issue a one-use code that pairs a Telegram chat',
    roles: ['owner'],
    status: 201,
    response: Pairing,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>

export type Routes = typeof routes
export type RouteName = keyof Routes

type Part<R, K extends string, Out extends 'in' | 'out'> =
  R extends Readonly<Record<K, infer S extends z.ZodType>>
    ? Record<K, Out extends 'in' ? z.input<S> : z.output<S>>
    : unknown

/** What the client passes: params, query and body as written, before defaults. */
export type RouteInput<N extends RouteName> = Part<Routes[N], 'params', 'in'> &
  Part<Routes[N], 'query', 'in'> &
  Part<Routes[N], 'body', 'in'>
/** What the server's handler receives: validated, defaults filled in. */
export type RouteRequest<N extends RouteName> = Part<Routes[N], 'params', 'out'> &
  Part<Routes[N], 'query', 'out'> &
  Part<Routes[N], 'body', 'out'>
export type RouteResponse<N extends RouteName> = Routes[N] extends { readonly response: infer S extends z.ZodType }
  ? z.output<S>
  : void
