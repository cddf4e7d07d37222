export { ArtifactName, Blob, Count, DatasetRef, Digest, ExperimentRef, FoldRef, Id, parseFoldRef, Slug } from './ids.ts'
export { ExperimentInput } from './inputs.ts'
export type { PredictionsInput } from './inputs.ts'
export { assertNever } from './assert-never.ts'
export {
  AttemptStatus,
  ExperimentStatus,
  FoldStatus,
  isFinal,
  isPersonal,
  isInterrupted,
  Provider,
  Role,
  SessionStatus,
  SubmissionStatus,
} from './states.ts'
export { AppError, isAppError, pointerOf, problemCodes, problems } from './problems.ts'
export type { AppErrorOptions, Fault, ProblemCode, ProblemSpec } from './problems.ts'
export { applyMergePatch, isAnother, isObject } from './merge-patch.ts'
export { cellLabel, expandMatrix } from './matrix/expand-matrix.ts'
export type { Cell } from './matrix/expand-matrix.ts'
export { HalvingStop } from './matrix/halving-stop.ts'
export { CELLS_MAX, CellValues, HalvingSpec, MatrixSpec } from './matrix/matrix-spec.ts'
export { Matrix, MatrixCell, MatrixRow } from './matrix/matrix.ts'
export { Pool } from './pool.ts'
export { FAULTS_LISTED, capFaults, nearest, parseCompleteSpec, parseOrThrow, parseSpec } from './parse.ts'
export { recipeNames } from './recipes/names.ts'
export { Blend, BlendSpec, checkBlend } from './blend.ts'
export { checkManifest, parseManifest } from './dataset-check.ts'
export {
  DatasetManifest,
  labelColumns,
  LabelGroup,
  labelRanges,
  labelsOf,
  ofLabelGroups,
  Sample,
  ShardFile,
  Split,
} from './dataset.ts'
export {
  CheckpointFileName,
  CheckpointManifest,
  FoldResult,
  LoopState,
  Position,
  TrainingEnvironment,
} from './checkpoint.ts'
export type { Landing, PlateauState, StageHours } from './checkpoint.ts'
export {
  AugmentOp,
  AugmentSpec,
  averageOf,
  durationOf,
  EarlyStopSpec,
  EnsembleSpec,
  EmaSpec,
  EvaluateSpec,
  ExperimentSpec,
  foldsOf,
  FoldsSpec,
  ImageSpec,
  listOf,
  KnnSpec,
  LossSpec,
  MetricSpec,
  MineSpec,
  MixSpec,
  modelOf,
  ModelSpec,
  modelsOf,
  OptimizerSpec,
  Precision,
  SampleSpec,
  ScheduleSpec,
  StageSpec,
  TargetsSpec,
  changesSize,
} from './spec/index.ts'
export type {
  AugmentPreset,
  CleanSpec,
  DistillSpec,
  Duration,
  ExperimentSpecInput,
  MetricAverage,
  PseudoSpec,
} from './spec/index.ts'
export {
  Attempt,
  Checkpoint,
  CheckpointDownload,
  CodeBundle,
  Command,
  DatasetVersion,
  Download,
  Experiment,
  Failure,
  Fold,
  Lb,
  Lease,
  LogLine,
  MetricPoint,
  MetricReport,
  Moment,
  Pairing,
  Progress,
  Project,
  RegisteredSession,
  Scores,
  Session,
  SessionRegistration,
  SplitFacts,
  StoredLogLine,
  StoredMetric,
  Upload,
  UsedBy,
} from './resources.ts'
export { AuditEntry } from './audit.ts'
export { IssuedToken, NewToken, RotatedToken, Token } from './token.ts'
export {
  columnNames,
  columns,
  ExperimentRow,
  isNullable,
  LeaderboardRow,
  parseColumns,
  usualColumns,
} from './board/columns.ts'
export type { ColumnName } from './board/columns.ts'
export { Comparison, Difference } from './board/comparison.ts'
export { csvRecord } from './board/csv.ts'
export type { Filter, FilterField, FilterValue } from './board/filter.ts'
export { parseFilter } from './board/parse-filter.ts'
export { parseSort } from './board/sort.ts'
export type { SortKey } from './board/sort.ts'
export { Artifact, ArtifactKind, ExperimentArtifact } from './artifact.ts'
export { Chat } from './chat.ts'
export { ProviderLimits, ProviderProfile } from './provider-profile.ts'
export { Submission, SubmissionOptions } from './submission.ts'
export { Curve, CurvePoint, FoldCurves, MetricName } from './curves.ts'
export { frameOf } from './event-stream.ts'
export type { StreamFrame, StreamItem } from './event-stream.ts'
export { Event, EventPayload, noticeOf } from './events.ts'
export type { EventKind } from './events.ts'
export { routeGroups, routes } from './routes/index.ts'
export type { RouteInput, RouteName, RouteRequest, RouteResponse, Routes, StreamName } from './routes/index.ts'
export { idScopes, picksFields, problemsOf, queryOf } from './routes/route.ts'
export type { IdScope, RouteSpec, Scope } from './routes/route.ts'
export { allPages, createClient, etagOf, Problem, retryAfterMs } from './client.ts'
export type { CallOptions, Client, ClientOptions, FollowCallOptions } from './client.ts'
export { openApiDocument } from './openapi.ts'
export { fieldPicker } from './fields.ts'
export type { WrittenSpecInput } from './recipes/written-spec.ts'
