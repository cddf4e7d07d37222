import type {
  Artifact,
  ArtifactKind,
  Attempt,
  AuditEntry,
  Blend,
  Blob,
  CellValues,
  Checkpoint,
  ColumnName,
  CheckpointManifest,
  CodeBundle,
  CurvePoint,
  DatasetVersion,
  Event,
  EventPayload,
  Experiment,
  ExperimentInput,
  ExperimentSpec,
  ExperimentStatus,
  Failure,
  Filter,
  Fold,
  FoldCurves,
  FoldResult,
  FoldStatus,
  HalvingSpec,
  HalvingStop,
  IdScope,
  LabelGroup,
  LeaderboardRow,
  LogLine,
  MatrixRow,
  MatrixSpec,
  MetricName,
  MetricPoint,
  MetricReport,
  MetricSpec,
  Pool,
  Progress,
  Provider,
  ProviderLimits,
  ProviderProfile,
  Project,
  Role,
  Session,
  SessionRegistration,
  SessionStatus,
  SortKey,
  SplitFacts,
  StoredLogLine,
  StoredMetric,
  StreamItem,
  Token,
  Submission,
  SubmissionOptions,
  UsedBy,
} from '@baton/contracts'
import type { Page, PageRequest } from './page.ts'

/**
 * What core needs of a database. Every moment in it is the database's own clock: sessions, API replicas and the
 * coordinator may disagree about the time, the database does not disagree with itself.
 */
export interface Store extends Tables {
  /**
   * Runs the work in one transaction: all of it is written, or none. Keep it short; no network call inside,
   * but for what storage is asked where objects are named and removed (name-blobs.ts).
   *
   * Rows are locked in one order, so that no two transactions wait for each other: folds, several by their index, then
   * their experiment, then its tally, then sessions. Appending an event locks the experiment, and so do leasing and
   * releasing a fold.
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>
  /** Whether the database answers. @throws {AppError} `unavailable` */
  ping(): Promise<void>
}

export interface Tables {
  readonly projects: ProjectTable
  readonly datasets: DatasetTable
  readonly bundles: BundleTable
  readonly experiments: ExperimentTable
  readonly matrices: MatrixTable
  readonly folds: FoldTable
  readonly submissions: SubmissionTable
  readonly artifacts: ArtifactTable
  readonly objects: ObjectTable
  readonly providers: ProviderTable
  readonly sessions: SessionTable
  readonly pools: PoolTable
  readonly logs: LogTable
  readonly metrics: MetricTable
  readonly events: EventTable
  readonly outbox: OutboxTable
  readonly chats: ChatTable
  readonly cards: CardTable
  readonly buttons: ButtonTable
  readonly updates: UpdateTable
  readonly notifications: NotificationTable
  readonly tokens: TokenTable
  readonly presence: PresenceTable
  readonly audit: AuditTable
}

/** What keeps rows and the objects that they name together. Both in a transaction, and until it ends. */
export interface ObjectTable {
  /** Nobody removes an object: what storage holds may be named. */
  keep(): Promise<void>
  /** Nobody names an object who asks for `keep` first: those that nothing names may be removed. Returns them. */
  unnamed(digests: readonly string[]): Promise<string[]>
}

export interface ProjectTable {
  /** @throws {AppError} `already-exists` */
  insert(project: { slug: string; name: string }): Promise<Project>
  find(slug: string): Promise<Project | null>
  /** Slug of the project that something belongs to, null where it is of all; null at all: there is no such thing. */
  of(kind: IdScope, id: string): Promise<{ slug: string | null } | null>
  /** By slug: all, or the one that the reader's token is of. */
  list(visible: Visible, page: PageRequest): Promise<Page<Project>>
  /** The project, its row held until the transaction ends. */
  lock(slug: string): Promise<Project | null>
  rename(id: string, name: string): Promise<Project>
}

/** What a reader may see: one project, by its slug, or all of them. */
export type Visible = string | null

/** A dataset version with what a worker needs of it. */
export interface DatasetRecord {
  readonly id: string
  readonly dataset: string
  readonly version: number
  readonly manifest: Blob
  readonly shards: readonly Blob[]
  /** Names of its label groups, in order. */
  readonly labelGroups: readonly string[]
  /** Null: a version from before Baton looked. */
  readonly splitFacts: SplitFacts | null
}

export interface NewDatasetVersion {
  readonly projectId: string
  readonly dataset: string
  readonly manifest: Blob
  readonly shards: readonly Blob[]
  readonly samplesTrain: number
  readonly samplesTest: number
  readonly labelGroups: readonly { name: LabelGroup['name']; labels: number }[]
  readonly splitFacts: SplitFacts
}

export interface DatasetTable {
  /** Appends the next version; the same manifest as the newest version again is that version. */
  append(version: NewDatasetVersion): Promise<DatasetVersion>
  /** The named version, or the newest where `version` is null. */
  find(projectId: string, dataset: string, version: number | null): Promise<DatasetRecord | null>
  get(projectId: string, dataset: string, version: number): Promise<(DatasetVersion & { usedBy: UsedBy }) | null>
  /** Newest first. */
  list(projectId: string, page: PageRequest): Promise<Page<DatasetVersion>>
}

export interface BundleTable {
  /** Registers a bundle; registering it again changes nothing. */
  upsert(bundle: { projectId: string; digest: string; sizeBytes: number; files: string[] }): Promise<CodeBundle>
  find(projectId: string, digest: string): Promise<{ id: string; digest: string; sizeBytes: number } | null>
  get(projectId: string, digest: string): Promise<(CodeBundle & { usedBy: UsedBy }) | null>
  /** Newest first. */
  list(projectId: string, page: PageRequest): Promise<Page<CodeBundle>>
}

export interface NewExperiment {
  readonly id?: string
  readonly projectId: string
  /** Version of the same project that it was cloned from or repeats. */
  readonly parent: number | null
  readonly spec: ExperimentSpec
  readonly specDigest: string
  readonly datasetVersionId: string
  readonly codeBundleId: string | null
  readonly inputs: readonly ExperimentInput[]
  /** Of an ensemble: what it is made of. It waits to be assembled, and its folds are completed: nothing is trained. */
  readonly blend?: Blend
  /** Fold indices to train, and the priority of each. */
  readonly folds: readonly number[]
  readonly priorities: readonly number[]
}

/** An experiment with what assembling needs. */
export interface ExperimentRecord {
  readonly id: string
  readonly projectId: string
  readonly version: number
  readonly status: ExperimentStatus
  readonly spec: ExperimentSpec
  /** Of an ensemble: what it is made of. */
  readonly blend: Blend | null
  readonly dataset: DatasetRecord
  readonly folds: readonly {
    id: string
    index: number
    status: FoldStatus
    result: FoldResult | null
    score: number | null
    failure: Failure | null
    attempts: number
  }[]
}

export interface AssembledScores {
  readonly cv: number
  readonly cvMean: number
  readonly cvStd: number
  readonly cvLow: number
  readonly cvHigh: number
  readonly metrics: MetricReport
  /** Nested scores: each fold at thresholds searched on the others. */
  readonly foldScores: readonly { fold: number; score: number }[]
  readonly thresholds: Record<string, number>
  /** Null where the spec has no `knn`, or another threshold than `distance`. */
  readonly knnWeight: number | null
  readonly distanceSlope: number | null
  readonly testPredictions: Blob | null
  /** Of an ensemble, with the weights that were found. */
  readonly blend?: Blend
}

/** Which experiments of a project, in which order, with what of each. */
export interface ExperimentQuery extends PageRequest {
  readonly projectId: string
  /** Completed ones alone, as the leaderboard shows. */
  readonly completedOnly: boolean
  readonly filter: Filter | null
  readonly sort: readonly SortKey[]
  readonly columns: readonly ColumnName[]
}

export interface ExperimentTable {
  /**
   * Until the transaction ends nothing forgets these objects. Returns those that nothing names any more: whoever found
   * them was too late.
   */
  holdObjects(digests: readonly string[]): Promise<string[]>
  /**
   * Inserts the experiment with its folds, all ready, under the project's next number; the project's row stays locked
   * until the transaction ends.
   */
  insert(experiment: NewExperiment): Promise<{ id: string; version: number; foldIds: string[] }>
  get(project: string, version: number): Promise<Experiment | null>
  /** A page in the order asked for, each row with its rank in it. Reads only rows of the page where the first key has an index. */
  page(query: ExperimentQuery): Promise<Page<LeaderboardRow>>
  /** For assembling. With `lock`, the row is held until the transaction ends. */
  find(id: string, options?: { lock: boolean }): Promise<ExperimentRecord | null>
  /** The same, by its number. */
  findVersion(projectId: string, version: number): Promise<ExperimentRecord | null>
  /** Takes a failed experiment, or one about to be, back to `running`. */
  reopen(id: string): Promise<void>
  /** A queued one is running from now on; any other status stays. */
  begin(id: string): Promise<void>
  /** A final status stays as it is. */
  setStatus(id: string, status: ExperimentStatus, failure?: Failure): Promise<void>
  /** Writes the scores, the folds' too, and completes the experiment: from then on the leaderboard has it. */
  complete(id: string, scores: AssembledScores): Promise<{ attempts: number; interruptions: number }>
  recordLb(id: string, lb: { lbPublic: number | null; lbPrivate: number | null }): Promise<void>
  /** The highest public score of a project's experiments; null while there is none. */
  bestLb(projectId: string): Promise<number | null>
  /** Experiments that are not final though no fold is open: their assembling was lost, or waits. In order of their ids. */
  unassembled(after: string | null, limit: number): Promise<string[]>
}

/** A matrix with what comparing its experiments takes. */
export interface MatrixRecord {
  readonly id: string
  readonly version: number
  readonly name: string
  readonly createdAt: string
  readonly halving: HalvingSpec | null
  /** First folds of all that halving has compared so far. */
  readonly foldsCompared: number
  /** By version, at least one. */
  readonly cells: readonly MatrixCellRecord[]
}

export interface MatrixCellRecord extends Pick<Experiment, 'version' | 'name' | 'status' | 'cv' | 'cvMean' | 'cvStd'> {
  readonly experimentId: string
  readonly values: CellValues
  readonly spec: ExperimentSpec
  readonly stopped: HalvingStop | null
  /** Scores of the first k folds by themselves, by k. */
  readonly rungs: Readonly<Record<string, readonly number[]>>
  readonly folds: readonly { readonly index: number; readonly status: FoldStatus; readonly score: number | null }[]
}

export interface MatrixTable {
  /** Makes experiments that were just inserted the cells of a new matrix, named by the first. */
  insert(matrix: {
    id?: string
    projectId: string
    version: number
    spec: MatrixSpec
    cells: readonly { experimentId: string; values: CellValues }[]
  }): Promise<void>
  /** The version of its first experiment. */
  find(id: string): Promise<number | null>
  /** Newest first. */
  list(projectId: string, page: PageRequest): Promise<Page<MatrixRow>>
  /** By the version of any of its experiments. */
  get(project: string, version: number): Promise<MatrixRecord | null>
  /** The matrix of an experiment where it has halving; null: it has none, or is of none. */
  halvingOf(experimentId: string): Promise<MatrixRecord | null>
  /** The same by its id, its row held until the transaction ends. It is locked before any fold. */
  lock(id: string): Promise<MatrixRecord>
  /** Keeps scores of an experiment's first folds; those that are there stay. */
  addRung(experimentId: string, folds: number, scores: readonly number[]): Promise<void>
  /** Of a locked matrix. */
  setFoldsCompared(id: string, folds: number): Promise<void>
  stop(experimentId: string, why: HalvingStop): Promise<void>
  /** Matrices with halving, some experiment of which is not final, at most so many. */
  halving(limit: number): Promise<string[]>
}

/** A submission with what making its file and scoring it take. */
export interface SubmissionRecord {
  readonly submission: Submission
  readonly experimentId: string
  readonly projectId: string
  readonly dataset: DatasetRecord
  readonly metric: MetricSpec
  /** Label groups that are predicted; null: all. */
  readonly labels: ExperimentSpec['labels']
  readonly testPredictions: Blob
}

export interface SubmissionTable {
  /** Takes the project's next number; the project's row stays locked until the transaction ends. */
  insert(submission: { id?: string; experimentId: string; options: SubmissionOptions }): Promise<Submission>
  get(project: string, number: number): Promise<Submission | null>
  find(id: string): Promise<SubmissionRecord | null>
  /** Of a project, or of one of its experiments where `experimentId` says which; newest first. */
  list(of: { projectId: string } | { experimentId: string }, page: PageRequest): Promise<Page<Submission>>
  /** Changes nothing unless it is queued, and so does `setFailed`. */
  setReady(id: string, made: { file: Blob; rows: number; thresholds: Readonly<Record<string, number>> }): Promise<void>
  setFailed(id: string, failure: Pick<Failure, 'code' | 'detail'>): Promise<void>
  score(id: string, lb: { lbPublic: number | null; lbPrivate: number | null }): Promise<void>
  /** Scores of an experiment's submission with the highest public score, the earlier of equal ones; null: none has one. */
  best(experimentId: string): Promise<{ lbPublic: number; lbPrivate: number | null } | null>
  /** The files of an experiment's submissions, by number. */
  files(experimentId: string): Promise<{ number: number; file: Blob }[]>
  /** Submissions that have been queued for so long: their job was lost, or waits. */
  unmade(olderThanSeconds: number, limit: number): Promise<string[]>
}

/** What may keep an object in storage. */
export type Referrer =
  'artifact' | 'checkpoint' | 'fold' | 'experiment' | 'submission' | 'code bundle' | 'dataset version'

export interface ArtifactTable {
  /** @throws {AppError} `already-exists` */
  insert(artifact: {
    projectId: string
    name: string
    kind: ArtifactKind
    note: string
    object: Blob
  }): Promise<Artifact>
  /** With `lock`, the row is held until the transaction ends. */
  find(projectId: string, name: string, options?: { lock: boolean }): Promise<Artifact | null>
  /** By name. */
  list(projectId: string, page: PageRequest): Promise<Page<Artifact>>
  remove(id: string): Promise<void>
  /** What refers to an object, whatever project it is of. */
  referrers(digest: string): Promise<Referrer[]>
}

export interface ProviderTable {
  /** In the order that `Provider` has. */
  list(): Promise<ProviderProfile[]>
  /** With `lock`, the row is held until the transaction ends. */
  get(provider: Provider, options?: { lock: boolean }): Promise<ProviderProfile>
  put(provider: Provider, limits: ProviderLimits): Promise<ProviderProfile>
}

/** A fold as the lease protocol sees it. */
export interface FoldRecord {
  readonly id: string
  readonly experimentId: string
  readonly index: number
  readonly status: FoldStatus
  readonly pool: string
  readonly priority: number
  readonly fence: number
  readonly offer: number
  readonly sessionId: string | null
  /** Whether `notBefore` has passed. */
  readonly due: boolean
  /** Only while it is leased: what its session is to be told. */
  readonly cancelAsked: boolean
  readonly pauseAsked: boolean
  readonly progress: Progress | null
  readonly checkpoint: {
    digest: string
    step: number
    manifest: CheckpointManifest
    /** Of the attempt that committed it first. */
    fence: number
  } | null
  /** Failures so far, by failure class. */
  readonly failures: Readonly<Record<string, number>>
  readonly lostAtStep: number | null
  readonly lostInARow: number
  /** Number of the newest attempt, 0 before the first. */
  readonly attempt: number
}

export interface FoldTable {
  get(id: string): Promise<Fold | null>
  /** Folds of an experiment by index. */
  list(experimentId: string, page: PageRequest): Promise<Page<Fold>>
  experimentOf(id: string): Promise<string | null>
  attempt(id: string, number: number): Promise<Attempt | null>
  /** First to last. */
  attempts(id: string, page: PageRequest): Promise<Page<Attempt>>
  /** The bounds of its attempts, first to last. */
  spans(id: string): Promise<FoldCurves['attempts']>
  /** The fold, its row held until the transaction ends. */
  lock(id: string): Promise<FoldRecord | null>
  /** The fold of a project that is next in these pools, the first pool first; locked, and past what others hold. */
  lockNext(project: string, pools: readonly string[]): Promise<FoldRecord | null>
  /** Everything a lease carries beside the fold. */
  leaseContext(id: string): Promise<{
    project: string
    version: number
    spec: ExperimentSpec
    specDigest: string
    dataset: DatasetRecord
    code: Blob | null
    inputs: ExperimentInput[]
  }>
  /** Leases a locked fold: fence and attempt grow by one, the lease runs `leaseSeconds` from now. */
  lease(fold: FoldRecord, to: { sessionId: string; leaseSeconds: number }): Promise<NewLease>
  /** A fold that a session holds a lease of, none of `besides`. */
  heldBy(sessionId: string, besides?: readonly string[]): Promise<string | null>
  /** Ends the running attempt and lets go of the fold. */
  release(fold: FoldRecord, as: Release): Promise<void>
  /**
   * Renews the lease and stores what came with the heartbeat, each metric and line once. Null: the fence is stale
   * and nothing was stored.
   */
  heartbeat(
    beat: Heartbeat,
  ): Promise<{ cancelAsked: boolean; pauseAsked: boolean; sessionStatus: SessionStatus } | null>
  /** Makes a checkpoint of a locked fold its newest. The same checkpoint again changes nothing. */
  appendCheckpoint(
    fold: FoldRecord,
    checkpoint: { digest: string; sizeBytes: number; manifest: CheckpointManifest },
  ): Promise<{ committedAt: string }>
  /** Makes the checkpoint before the newest of a locked fold its newest; none if there is none. */
  discardCheckpoint(fold: FoldRecord): Promise<void>
  setScore(id: string, score: number): Promise<void>
  /** Gives a locked fold another priority; one that is ready gets the next offer number. */
  setPriority(fold: FoldRecord, priority: number): Promise<void>
  /** Makes a locked, failed fold as if it had never failed, and with the next offer number. */
  reopen(fold: FoldRecord, as: { status: 'ready' | 'paused'; fromStart: boolean }): Promise<void>
  /** Fails a locked fold that was completed. */
  fail(fold: FoldRecord, failure: Failure): Promise<void>
  /** Holds all folds of the experiment until the transaction ends. */
  lockAll(experimentId: string): Promise<void>
  /** Of locked folds: cancels what nobody holds, and asks what is leased to stop. */
  cancelAll(experimentId: string): Promise<void>
  /** Of locked folds: pauses what is ready, and asks for what is leased to be handed over. */
  pauseAll(experimentId: string): Promise<void>
  /**
   * Of locked folds: makes what is paused ready, each with a new offer number, and takes back what was asked of leased
   * ones. Returns those that may be offered at once.
   */
  resumeAll(experimentId: string): Promise<Pick<FoldRecord, 'id' | 'offer' | 'pool' | 'priority'>[]>
  /** Leased folds whose lease ran out, locked; rows that others hold are passed over. */
  lockExpired(limit: number): Promise<FoldRecord[]>
  /** Ready folds that are due and were last offered more than `olderThanSeconds` ago, or never; the longest ago first. */
  unoffered(
    olderThanSeconds: number,
    limit: number,
  ): Promise<{ id: string; offer: number; pool: string; priority: number }[]>
  /** Notes that folds were offered. It waits for nobody: folds that others hold are passed over. */
  markOffered(ids: readonly string[]): Promise<void>
  /** Objects that a fold's lease may read: code, manifest, shards, inputs, newest checkpoint. */
  readableBlobs(id: string): Promise<ReadonlySet<string>>
  /** Checkpoints beyond the newest `keep` of each fold, discarded ones, and all of folds final for `finalSeconds`. */
  surplusCheckpoints(options: {
    keep: number
    finalSeconds: number
    limit: number
  }): Promise<{ id: string; digests: string[] }[]>
  /** Those that are kept, the one with the highest step first. */
  checkpoints(id: string, page: PageRequest): Promise<Page<Checkpoint>>
  checkpoint(id: string, digest: string): Promise<Checkpoint | null>
  /** In a transaction: forgets checkpoints; returns those of their objects that nothing else refers to. */
  removeCheckpoints(ids: readonly string[]): Promise<string[]>
}

/** A lease that was just given, and how long its fold had waited. */
export interface NewLease {
  readonly fence: number
  readonly attempt: number
  /** When the fold became due, when its offer was last put into the queue, if it was, and when it was leased. */
  readonly dueAt: Date
  readonly offeredAt: Date | null
  readonly leasedAt: Date
}

/** How an attempt ends, and what becomes of the fold. */
export type Release =
  | {
      readonly to: 'ready' | 'paused'
      readonly attempt: 'handed_over' | 'stopped' | 'lost' | 'failed'
      readonly endStep: number | null
      readonly failure?: Failure
      readonly delaySeconds: number
      readonly failures: Readonly<Record<string, number>>
      readonly lostAtStep: number | null
      readonly lostInARow: number
    }
  | { readonly to: 'completed'; readonly endStep: number; readonly result: FoldResult }
  | {
      readonly to: 'failed'
      readonly attempt: 'failed' | 'lost'
      readonly endStep: number | null
      readonly failure: Failure
    }
  | { readonly to: 'cancelled'; readonly endStep: number | null }

export interface Heartbeat {
  readonly foldId: string
  readonly sessionId: string
  readonly fence: number
  readonly leaseSeconds: number
  readonly progress: Progress | null
  readonly secondsLeft: number | null
  readonly metrics: readonly MetricPoint[]
  readonly logs: readonly LogLine[]
}

export interface SessionTable {
  insert(registration: SessionRegistration, projectId: string | null): Promise<Session>
  get(id: string): Promise<Session | null>
  /** Its status, which stays what it is until the transaction ends; nobody else gets to lock it. */
  lock(id: string): Promise<SessionStatus>
  /** Newest first; of one status, where it is named. */
  list(visible: Visible, page: PageRequest & { status?: SessionStatus | undefined }): Promise<Page<Session>>
  /** An end is final: a session that has ended stays so. */
  setStatus(id: string, status: SessionStatus): Promise<void>
  /** Notes that the session is there. Returns its status. */
  touch(id: string): Promise<SessionStatus>
  /** Marks sessions lost that were not seen for so long and hold no lease; one that was draining has ended. */
  markLost(silentSeconds: number): Promise<number>
}

export interface PoolTable {
  /** Pools that open folds or sessions name, as far as the reader may see them, by name. */
  list(visible: Visible, page: PageRequest): Promise<Page<Pool>>
  find(visible: Visible, name: string): Promise<Pool | null>
}

export interface EventTable {
  /** Within an experiment ids are given in the order of commits. */
  append(experimentId: string, payload: EventPayload): Promise<number>
  get(id: number): Promise<Event | null>
  listByExperiment(experimentId: string, page: { after: number; limit: number }): Promise<Event[]>
  /** Whether committed events wait for their place in the feed. */
  isUnsettled(): Promise<boolean>
  /**
   * Gives committed events their places, in a transaction of its own. One process does it at a time; the others go on
   * without. The events of an experiment get theirs in the order of their ids.
   */
  settle(): Promise<void>
  /** The newest place given; 0 before the first. */
  head(): Promise<number>
  /** Events with a place after this one, in the order of places; of one project or experiment, or of all. */
  feed(page: { after: number; limit: number; scope: EventScope | null }): Promise<StreamItem<Event>[]>
}

export type EventScope = { readonly project: string } | { readonly experimentId: string }

/** Which log lines are wanted, and from which end. */
export interface LogQuery extends PageRequest {
  readonly order: 'oldest' | 'newest'
  /** Text that a line has in it, whatever the case of its letters. */
  readonly q?: string | undefined
  /** This level or a graver one. */
  readonly level?: LogLine['level'] | undefined
  readonly attempt?: number | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Lines of a fold have ids in the order of commits: its heartbeats are stored one after the other. */
export interface LogTable {
  list(foldIds: readonly string[], query: LogQuery): Promise<Page<StoredLogLine>>
  head(foldId: string): Promise<number>
  /** Lines after an id of each fold, oldest first, at most so many of each. */
  news(after: ReadonlyMap<string, number>, limit: number): Promise<Map<string, StreamItem<StoredLogLine>[]>>
  /** Forgets lines of experiments that ended so long ago, at most so many; how many it were. */
  removeOld(seconds: number, limit: number): Promise<number>
}

/** A metric's places are its fence and sequence number as one number. */
export interface MetricTable {
  names(foldId: string): Promise<MetricName[]>
  /** Every point by step. A step that two attempts did counts once, as the later one did it. */
  list(foldId: string, query: PageRequest & { name: string }): Promise<Page<StoredMetric>>
  /**
   * The same curve, of about `buckets` equal parts of its steps the lowest and the highest point each, and the first
   * and last of all; so many points that a picture cannot tell the difference, however long the training was.
   */
  curve(
    foldId: string,
    query: { name: string; buckets: number },
  ): Promise<{ pointsTotal: number; points: CurvePoint[] }>
  head(foldId: string): Promise<number>
  /** Points after a place of each fold, at most so many of each. */
  news(after: ReadonlyMap<string, number>, limit: number): Promise<Map<string, StreamItem<StoredMetric>[]>>
  /** Forgets points of experiments that ended so long ago, at most so many; how many it were. */
  removeOld(seconds: number, limit: number): Promise<number>
}

/** Work that a transaction asks a queue for. */
export type OutboxJob =
  | { readonly kind: 'offer-fold'; readonly payload: { foldId: string; offer: number; pool: string; priority: number } }
  | { readonly kind: 'assemble-experiment'; readonly payload: { experimentId: string } }
  | { readonly kind: 'make-submission'; readonly payload: { submissionId: string } }
  | { readonly kind: 'fan-out-event'; readonly payload: { eventId: number } }

export interface OutboxTable {
  append(jobs: readonly OutboxJob[]): Promise<void>
  peek(limit: number): Promise<(OutboxJob & { id: number })[]>
  /** Forgets jobs that the queue has taken, and notes which folds were offered; those that others hold are passed over. */
  remove(jobs: readonly (OutboxJob & { id: number })[]): Promise<void>
}

export interface Chat {
  readonly id: string
  /** Telegram's id; 0 is the terminal. */
  readonly chatId: number
  readonly title: string
  /** The project that commands mean when they name none. */
  readonly project: string | null
  /** Until then nothing makes a sound in it; null: it does now. */
  readonly mutedUntil: string | null
  /** Hour of the day, UTC, at which quiet messages come as one; null: each comes by itself. */
  readonly digestHour: number | null
}

/** Chats and what each chose for itself. */
export interface ChatTable {
  addPairing(pairing: { codeHash: string; validSeconds: number }): Promise<{ expiresAt: string }>
  /** Uses a pairing code up; false if it is unknown, used or expired. */
  usePairing(codeHash: string): Promise<boolean>
  pair(chat: { chatId: number; title: string }): Promise<Chat>
  unpair(chatId: number): Promise<void>
  /** Gives a paired chat another id of Telegram's; its settings, cards and notifications go along. */
  move(from: number, to: number): Promise<void>
  list(): Promise<Chat[]>
  find(chatId: number): Promise<Chat | null>
  /** What is left out stays as it is. Without a digest hour, what waits for it is due now. */
  configure(id: string, changes: { projectId?: string | null; digestHour?: number | null }): Promise<void>
  /** Silences a chat, or one experiment in it, for so long from now; null: no longer. Returns until when. */
  mute(id: string, what: { experimentId: string | null; seconds: number | null }): Promise<string | null>
}

/** A card that somebody should look at, and does: nobody else gets it before it is due again. */
export interface Card {
  readonly chat: string
  readonly chatId: number
  readonly experimentId: string
  readonly project: string
  readonly version: number
  /** Null: the message was not sent yet. */
  readonly messageId: number | null
  /** SHA-256 of what the message shows. */
  readonly shown: string | null
}

/** What a card says beside the experiment itself. */
export interface CardFacts {
  /** Pooled score of the folds done so far. */
  readonly cvSoFar: number | null
  readonly interruptions: number
  /** The project's best completed experiment. */
  readonly best: { version: number; cv: number } | null
  /** Sessions that train its folds now. */
  readonly sessions: readonly { id: string; name: string }[]
}

/** One card an experiment and chat. */
export interface CardTable {
  /** Makes the missing cards of experiments that run, and opens closed ones of those that run again. */
  open(): Promise<void>
  /** Takes open cards that are due, the longest first; they are due again after `againSeconds`. */
  take(options: { limit: number; againSeconds: number }): Promise<Card[]>
  facts(experimentId: string): Promise<CardFacts>
  /** Notes the message and what it shows. A closed card is not taken again. */
  save(card: Card, state: { messageId: number | null; shown: string; isClosed: boolean }): Promise<void>
  postpone(card: Card, seconds: number): Promise<void>
}

/** `stop` asks, `confirm-stop` does it; `retry-2` is of fold 2. */
export type ButtonAction = 'pause' | 'resume' | 'stop' | 'confirm-stop' | 'mute' | RetryAction
export type RetryAction = `retry-${number}`

export interface Button {
  readonly chatId: number
  readonly action: ButtonAction
  readonly experimentId: string
  readonly project: string
  readonly version: number
  readonly isExpired: boolean
}

export interface ButtonTable {
  /**
   * Offers a button, and returns its id. Where the chat has it already, for half its time at least, it is that one: a
   * message that is edited keeps its buttons.
   */
  offer(button: { chat: string; experimentId: string; action: ButtonAction; validSeconds: number }): Promise<string>
  find(id: string): Promise<Button | null>
  /** Forgets buttons that expired so long ago that nobody needs to be told. */
  forget(expiredSeconds: number): Promise<void>
}

/** Which of Telegram's updates were handled, by bot. */
export interface UpdateTable {
  isHandled(update: { botId: number; updateId: number }): Promise<boolean>
  markHandled(update: { botId: number; updateId: number }): Promise<void>
  forget(handledSeconds: number): Promise<void>
}

/** A notification that is to be sent now. */
export interface DueNotification {
  readonly id: string
  readonly chatId: number
  readonly event: Event
  readonly isUrgent: boolean
  /** Whether it waited to be gathered with others. */
  readonly wasHeld: boolean
  /** Whether the chat, or the experiment in it, is to make no sound. */
  readonly isMuted: boolean
}

/** What decides whether a quiet notification is sent by itself. */
export interface QuietState {
  /** Quiet messages that the chat got one by one in the last hour. */
  readonly singlesLastHour: number
  /** Seconds until what is held already is due; null: nothing is. */
  readonly heldSeconds: number | null
  /** Seconds until the chat's digest hour; null: it has none. */
  readonly digestHourSeconds: number | null
}

export interface NotificationTable {
  /** One notification a chat for the event; those that exist stay as they are. Returns the chats that have one. */
  addForEvent(eventId: number, options: { isUrgent: boolean }): Promise<string[]>
  /** Unsent notifications of a chat that are not held: urgent ones first, then by age. */
  due(chat: string, limit: number): Promise<DueNotification[]>
  quietState(chat: string): Promise<QuietState>
  /** Holds the chat's quiet notifications that are not held yet for so long; 0: to be gathered now. */
  hold(chat: string, seconds: number): Promise<void>
  /** Held notifications of a chat, due or not, oldest first. */
  held(chat: string, limit: number): Promise<DueNotification[]>
  /** Chats that have notifications to be sent now. */
  chatsWaiting(): Promise<string[]>
  markSent(ids: readonly string[]): Promise<void>
  /** Gives up what a chat has not been sent: it blocked us, or is gone. */
  drop(chat: string): Promise<void>
}

/** Who is calling. */
export interface Caller {
  readonly tokenId: string
  /** The token's name. */
  readonly name: string
  readonly role: Role
  /** The one project it may reach; null: all. */
  readonly project: { readonly id: string; readonly slug: string } | null
  readonly sessionId: string | null
  /** Came with the secret before the last rotation, which is good for a while only. */
  readonly isOutgoing: boolean
  /** Not seen for a minute. */
  readonly isUnseen: boolean
}

/** A token as revoking and rotating need it. */
export interface TokenRecord {
  readonly token: Token
  readonly hash: string
  readonly isConfigured: boolean
  /** Not expired, used up or revoked. */
  readonly isGood: boolean
}

export interface TokenTable {
  insert(token: {
    name: string
    hash: string
    role: Role
    projectId: string | null
    sessionId?: string
    validSeconds: number | null
    /** It does not live longer than this one. */
    issuerId?: string
  }): Promise<{ id: string; expiresAt: string | null }>
  /**
   * Stores an owner's token of all projects that never expires, unless it is there already; replicas may do so at once.
   * False: it is there and was revoked.
   */
  admitOwner(hash: string): Promise<boolean>
  /** The caller of a token that is valid now: not expired, revoked or used up, its session not ended. */
  find(hash: string): Promise<Caller | null>
  /** Notes that a token was used, at most once a minute. */
  touch(tokenId: string): Promise<void>
  /** Uses up a one-use token; false if somebody was faster, or it was revoked. */
  use(tokenId: string): Promise<boolean>
  /** Tokens that are not a session's, newest first. */
  list(visible: Visible, page: PageRequest & { ended: boolean }): Promise<Page<Token>>
  get(id: string): Promise<TokenRecord | null>
  /** How many configured tokens are good; their rows are held until the transaction ends. */
  lockConfigured(): Promise<number>
  /** A token that is revoked already stays as it is. */
  revoke(id: string): Promise<void>
  /** Replaces the secret `from`; null if it is not the token's any more. The one before it is good for no longer. */
  rotate(
    id: string,
    secret: { from: string; to: string; overlapSeconds: number },
  ): Promise<{ oldValidUntil: string } | null>
  /** Forgets tokens that ended so long ago. One that was configured stays: it would be admitted again. */
  removeEnded(seconds: number): Promise<number>
}

/** What is asked of the audit log. */
export interface AuditFilter {
  readonly project?: string | undefined
  readonly token?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export interface AuditTable {
  append(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void>
  /** Newest first. */
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditEntry>>
  /** Forgets entries older than so long. */
  expire(seconds: number): Promise<number>
}

export interface PresenceTable {
  /** Says that a service is there. A silence of more than `gapSeconds` starts its presence anew. */
  touch(service: 'api' | 'coordinator', gapSeconds: number): Promise<void>
  /** Whether every one of the services has been there for `seconds` without a gap, and still is. */
  steady(services: readonly ('api' | 'coordinator')[], seconds: number, gapSeconds: number): Promise<boolean>
}
