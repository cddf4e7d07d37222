export { createArtifact } from './artifact/create-artifact.ts'
export { deleteArtifact } from './artifact/delete-artifact.ts'
export { getArtifact } from './artifact/get-artifact.ts'
export { findExperimentArtifact, listExperimentArtifacts } from './artifact/list-experiment-artifacts.ts'
export { grantDownload, grantUploads } from './blobs.ts'
export { canonicalJson, sha256 } from './digest.ts'
export { assembleExperiment } from './experiment/assemble-experiment.ts'
export type { Assemble, CheckFold } from './experiment/assemble-experiment.ts'
export type { BlendExperiments } from './experiment/assemble-ensemble.ts'
export { cancelExperiment } from './experiment/cancel-experiment.ts'
export { cloneExperiment } from './experiment/clone-experiment.ts'
export { compareExperiments } from './experiment/compare-experiments.ts'
export { createEnsemble } from './experiment/create-ensemble.ts'
export { createExperiment } from './experiment/create-experiment.ts'
export { getExperiment } from './experiment/get-experiment.ts'
export { listExperiments, listLeaderboard } from './experiment/list-experiments.ts'
export { pauseExperiment } from './experiment/pause-experiment.ts'
export { lbOf, recordLb } from './experiment/record-lb.ts'
export { resumeExperiment } from './experiment/resume-experiment.ts'
export type { IfMatch } from './if-match.ts'
export { getFold } from './fold/get-fold.ts'
export { prioritiseFold } from './fold/prioritise-fold.ts'
export { retryFold } from './fold/retry-fold.ts'
export { openFeed } from './feed/feed.ts'
export type { Feed, FeedSource, Follow, Following } from './feed/feed.ts'
export { allEvents, openFeeds, settleEvents } from './feed/open-feeds.ts'
export type { Feeds } from './feed/open-feeds.ts'
export { attemptSpan, experimentSpan, offerSpan } from './trace/span-context.ts'
export type { SpanContext } from './trace/span-context.ts'
export { acquireLease } from './lease/acquire-lease.ts'
export type { AcquireLease } from './lease/acquire-lease.ts'
export { completeFold } from './lease/complete-fold.ts'
export { failFold } from './lease/fail-fold.ts'
export type { FailOutcome } from './lease/fail-fold.ts'
export { findCheckpoint, grantCheckpointDownloads } from './lease/find-checkpoint.ts'
export { grantFoldDownloads, grantFoldUploads } from './lease/grant-transfers.ts'
export { handOverFold } from './lease/hand-over-fold.ts'
export { heartbeat } from './lease/heartbeat.ts'
export type { LeaseProof } from './lease/held-fold.ts'
export { recordCheckpoint } from './lease/record-checkpoint.ts'
export { createMatrix } from './matrix/create-matrix.ts'
export { getMatrix } from './matrix/get-matrix.ts'
export { steerMatrix } from './matrix/steer-matrix.ts'
export { decideHalving } from './matrix/halving.ts'
export { getCurves } from './metric/get-curves.ts'
export { ChatGone, deliverNotifications, forgetChat, RetryAfter } from './notification/deliver-notifications.ts'
export type { Messenger } from './notification/deliver-notifications.ts'
export { fanOutEvent } from './notification/fan-out-event.ts'
export { createPairing, pairChat } from './notification/pair-chat.ts'
export { refreshCards } from './notification/refresh-cards.ts'
export type { CardPainter, CardView } from './notification/refresh-cards.ts'
export { unlinkChat } from './notification/unlink-chat.ts'
export { decodeCursor, encodeCursor, pageOf } from './page.ts'
export type { CursorKey, KeyPart, Page, PageRequest } from './page.ts'
export { countDeath, decideRetry, failureClassOf } from './policy.ts'
export type { FailureClass, LeaseTimes, RetryDecision } from './policy.ts'
export type { BlobStore, FoldOffer, OfferQueue } from './ports.ts'
export { createCodeBundle } from './project/create-code-bundle.ts'
export { createDatasetVersion } from './project/create-dataset-version.ts'
export { findProject } from './project/find-project.ts'
export { updateProject } from './project/update-project.ts'
export { drainSession } from './session/drain-session.ts'
export { endSession } from './session/end-session.ts'
export { findSession } from './session/find-session.ts'
export { registerSession } from './session/register-session.ts'
export { updateProviderProfile } from './session/update-provider-profile.ts'
export { stopSession } from './session/stop-session.ts'
export type {
  AssembledScores,
  AuditFilter,
  Button,
  ButtonAction,
  Caller,
  CardFacts,
  Chat,
  DatasetRecord,
  ExperimentQuery,
  EventScope,
  DueNotification,
  ExperimentRecord,
  MatrixRecord,
  FoldRecord,
  Heartbeat,
  LogQuery,
  NewDatasetVersion,
  NewExperiment,
  OutboxJob,
  Referrer,
  RetryAction,
  QuietState,
  NewLease,
  Release,
  Store,
  SubmissionRecord,
  Tables,
  TokenRecord,
  Visible,
} from './store.ts'
export { createSubmission } from './submission/create-submission.ts'
export { assertReady, getSubmission } from './submission/get-submission.ts'
export { makeSubmission } from './submission/make-submission.ts'
export type { RenderSubmission } from './submission/make-submission.ts'
export { renderSubmission } from './submission/render-submission.ts'
export type { RenderedSubmission, RenderSubmissionInput } from './submission/render-submission.ts'
export { scoreSubmission } from './submission/score-submission.ts'
export { dispatchOutbox, reconcile } from './sweep/dispatch.ts'
export type { JobQueue } from './sweep/dispatch.ts'
export { expireLeases, presenceGapSeconds, presenceSeconds } from './sweep/expire-leases.ts'
export { retireCheckpoints } from './sweep/retire-checkpoints.ts'
export { retireRecords } from './sweep/retire-records.ts'
export type { Retention } from './sweep/retire-records.ts'
export { admitOwnerToken, authenticate } from './token/authenticate.ts'
export { createToken } from './token/create-token.ts'
export { insertToken } from './token/issue-token.ts'
export { revokeToken } from './token/revoke-token.ts'
export { rotateToken } from './token/rotate-token.ts'
