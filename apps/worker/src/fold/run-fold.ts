import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, assertNever, isAppError } from '@baton/contracts'
import type { Lease, ProblemCode } from '@baton/contracts'
import { redact } from '@baton/log'
import type { Outcome } from '../child/messages.ts'
import { startChild } from '../child/start-child.ts'
import type { Child, ChildEnd } from '../child/start-child.ts'
import { retrying, verdictOn } from '../retry-policy.ts'
import { SessionOver } from '../session/session-time.ts'
import type { ShardPull } from '../transfer/pull-shards.ts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'
import { whenAborted } from '../when-aborted.ts'
import { Cancelled, openFold } from './open-fold.ts'
import type { FoldContext, OpenFold } from './open-fold.ts'
import { prepareFold } from './prepare-fold.ts'
import type { PreparedFold } from './prepare-fold.ts'

/**
 * How this session's work on a fold ended. `step` is the next one to do.
 *
 * completed     predictions and weights are delivered
 * handed-over   the lease is given back; all steps are in the last checkpoint
 * failed        the API was told, and answered whether the fold is tried again
 * cancelled     somebody cancelled the experiment
 * lease-lost    another session has the fold, or it is final
 * session-lost  the API does not know this session any more
 * unreported    the session's time was up while the API was away; `keptAt`: what could not be delivered, if anything
 */
export type FoldEnd =
  | { readonly kind: 'completed' | 'handed-over' | 'cancelled' | 'lease-lost' | 'session-lost'; readonly step: number }
  | { readonly kind: 'failed'; readonly step: number; readonly code: ProblemCode; readonly isRetried: boolean }
  | { readonly kind: 'unreported'; readonly step: number; readonly keptAt: string | null }

/**
 * Works on a leased fold until it is completed, handed over, failed, or not ours any more, and says which. Nothing
 * of it is left running or on disk, but for what could not be delivered.
 */
export async function runFold(context: FoldContext, lease: Lease): Promise<FoldEnd> {
  const fold = await openFold(context, lease)
  try {
    const end = await advance(fold).catch((error: unknown) => report(fold, error))
    fold.tools.log.info({ end }, 'fold ended')
    return end
  } catch (error) {
    const end = await leave(fold, error)
    fold.tools.log.warn({ end, error }, 'fold left')
    return end
  } finally {
    await fold.close()
  }
}

async function advance(fold: OpenFold): Promise<FoldEnd> {
  const { tools, lease, workDir } = fold
  tools.log.info({ step: fold.step(), experiment: `${lease.project} #${lease.version}` }, 'fold leased')
  const end = await prepareAndTrain(fold, workDir)
  if (!(await isCheckpointDamagedHere(fold, end))) return finish(fold, end)
  tools.log.warn('the cached checkpoint is damaged: it is pulled again')
  return finish(fold, await prepareAndTrain(fold, join(workDir, 'again')))
}

/** @returns Null when it was to be handed over before the training could begin */
async function prepareAndTrain(fold: OpenFold, dir: string): Promise<ChildEnd | null> {
  // Ends the pull of shards with the work that wants them: what has arrived is for the next.
  const closed = new AbortController()
  const prepared = await prepareUnlessStopped(fold, dir, closed.signal)
  if (prepared === null) return null
  fold.tools.log.info({ secondsLeft: fold.context.time.secondsLeft() }, 'training started')
  const whole = awaitShards(fold, prepared.shards)
  try {
    const end = await train(fold, prepared, whole)
    // A dataset that proves damaged or gone fails the fold, also one that has seen none of the damage.
    if (end.kind === 'outcome' && end.outcome.kind === 'completed') await whole
    return end
  } finally {
    closed.abort(new Error('the fold is closed'))
    await whole.catch(() => undefined)
  }
}

/** Whether the training could not go on from bytes that only this machine has: they are gone from its cache then. */
async function isCheckpointDamagedHere({ context, lease }: OpenFold, end: ChildEnd | null): Promise<boolean> {
  if (end?.kind !== 'failure' || end.code !== 'checkpoint-corrupt') return false
  return context.cache.dropDamaged(lease.checkpoint?.manifest.files ?? [])
}

/** Resolves once the dataset is here and the cache is tidy. @throws what ended the pull */
async function awaitShards({ context, trace, tools }: OpenFold, shards: ShardPull): Promise<void> {
  const startMs = tools.clock.now()
  await trace.around('pull dataset', {}, () => shards.done)
  tools.log.info({ ms: tools.clock.now() - startMs, ahead: shards.ahead() }, 'pull of the dataset ended')
  await context.cache.evict(context.cacheBytes)
}

async function finish(fold: OpenFold, end: ChildEnd | null): Promise<FoldEnd> {
  if (end === null) return handOver(fold)
  switch (end.kind) {
    case 'killed': // at the last call; what is committed is handed over
      return handOver(fold)
    case 'failure':
      throw new AppError(end.code, end.step === null ? {} : { step: end.step }, { detail: end.detail })
    case 'outcome':
      return conclude(fold, end.outcome)
    default:
      return assertNever(end)
  }
}

/** Null when the fold is to be handed over before the training can begin: no step was done, so none can be lost. */
async function prepareUnlessStopped(fold: OpenFold, dir: string, closed: AbortSignal): Promise<PreparedFold | null> {
  const { stopping } = fold
  const signal = AbortSignal.any([fold.over, stopping, closed])
  try {
    return await fold.trace.around('pull', {}, () => prepareFold(fold, dir, signal))
  } catch (error) {
    if (!fold.over.aborted && stopping.aborted) return null
    throw error
  }
}

async function conclude(fold: OpenFold, outcome: Outcome): Promise<FoldEnd> {
  switch (outcome.kind) {
    case 'completed':
      fold.trace.predicted()
      return fold.trace.around('complete', { 'baton.step': outcome.step }, () => complete(fold, outcome))
    case 'handed-over':
      return handOver(fold)
    case 'cancelled':
      throw new Cancelled('the training was cancelled')
    default:
      return assertNever(outcome)
  }
}

/** A child that was told to cancel may tidy up for so long. */
const cancelMs = 5000

/**
 * Runs the training child to its end.
 *
 * @throws the reason of `over` once that aborts, and what ended the pull of the shards, when the child is gone
 */
async function train(fold: OpenFold, { run, shards }: PreparedFold, whole: Promise<void>): Promise<ChildEnd> {
  const { context, lastLines } = fold
  const ended = new AbortController()
  const broken = new AbortController()
  whole.catch((error: unknown) => broken.abort(error))
  const child = await startChild({
    entry: context.trainEntry,
    run,
    gpu: context.gpu,
    lastLines,
    onMessage: (message) => fold.hear(message),
    find: (shard, pieces) => shards.find(shard, pieces),
    onLine: (stream, line) => fold.say(stream === 'stdout' ? 'info' : 'warn', line),
  })
  fold.attend(child)
  whenAborted(fold.stopping, ended.signal, () => child.signal('hand-over'))
  whenAborted(context.time.lastCall, ended.signal, () => child.kill())
  whenAborted(fold.over, ended.signal, () => stopChild(child, fold.over.reason))
  whenAborted(broken.signal, ended.signal, () => child.kill())
  try {
    const end = await child.ended
    fold.over.throwIfAborted()
    broken.signal.throwIfAborted()
    return end
  } finally {
    ended.abort()
    fold.attend(null)
  }
}

/** Another session may be training already: what is no cancelling ends the child at once. */
function stopChild(child: Child, reason: unknown): void {
  if (!(reason instanceof Cancelled)) return child.kill()
  child.signal('cancel')
  setTimeout(() => child.kill(), cancelMs).unref()
}

/** Gives the lease back once the last checkpoint is committed. */
async function handOver(fold: OpenFold): Promise<FoldEnd> {
  return fold.trace.around('hand over', {}, async () => {
    await deliverRest(fold, fold.over)
    const step = fold.uploads.committedStep()
    await giveBack(fold, step, fold.over)
    return { kind: 'handed-over', step }
  })
}

async function giveBack(fold: OpenFold, step: number, signal: AbortSignal): Promise<void> {
  const { context, tools, lease } = fold
  fold.ending()
  await retrying(tools, { what: 'hand over', signal }, () =>
    context.api.handOverFold({ params: { fold: lease.foldId }, body: { fence: lease.fence, step } }, { signal }),
  )
}

async function complete(fold: OpenFold, outcome: Outcome & { kind: 'completed' }): Promise<FoldEnd> {
  const { context, tools, lease, over: signal } = fold
  const { step, oof, test, weights } = outcome
  const blobs = [oof, weights, ...(test ? [test] : [])]
  const send = () => uploadBlobs(tools, { api: context.api, lease, blobs, signal })
  const blobOf = ({ digest, sizeBytes }: typeof oof) => ({ digest, sizeBytes })
  const result = { oof: blobOf(oof), test: test && blobOf(test), weights: blobOf(weights) }
  const tell = () =>
    retrying(tools, { what: 'complete fold', signal }, () =>
      context.api.completeFold(
        { params: { fold: lease.foldId }, body: { fence: lease.fence, step, result } },
        { signal },
      ),
    )
  await deliverRest(fold, fold.over)
  await send()
  fold.ending()
  await tell().catch(async (error: unknown) => {
    // Storage lost an object between the two calls: send it again, once.
    if (!isAppError(error, 'blob-missing')) throw error
    await send()
    await tell()
  })
  await fold.uploads.discard()
  return { kind: 'completed', step }
}

/** Reports a failure and takes the API's word for what becomes of the fold. @throws what says that the fold is not ours */
async function report(fold: OpenFold, error: unknown): Promise<FoldEnd> {
  const { context, tools, lease, over } = fold
  const cause: unknown = over.aborted ? over.reason : error
  if (endsWork(cause)) throw cause
  // Not `over`: an upload that broke has aborted it, and is told here.
  const signal = context.time.over
  tools.log.error({ error: cause, step: fold.step() }, 'fold failed')
  const { code, detail } = failureOf(cause)
  fold.say('error', detail)
  await deliverRest(fold, signal)
  const step = stepOf(cause) ?? fold.step()
  const failure = { code, detail, lastLines: [...fold.lastLines], step }
  fold.ending()
  const answer = await retrying(tools, { what: 'report failure', signal }, () =>
    context.api.failFold({ params: { fold: lease.foldId }, body: { fence: lease.fence, failure } }, { signal }),
  )
  return { kind: 'failed', step, code, isRetried: answer.outcome === 'retrying' }
}

/** Whether there is nobody to report to, or nothing to report. */
function endsWork(reason: unknown): boolean {
  const verdict = verdictOn(reason)
  return (
    reason instanceof SessionOver ||
    reason instanceof Cancelled ||
    verdict === 'leave-fold' ||
    verdict === 'leave-session'
  )
}

/** What is no AppError is a bug here; people see its message, never its stack. */
function failureOf(error: unknown): { code: ProblemCode; detail: string } {
  const detail = redact(error instanceof Error ? error.message : String(error)).slice(0, 4000)
  return { code: isAppError(error) ? error.code : 'internal', detail }
}

/** The step that failed, where the training said so: its progress may be a second old. */
function stepOf(error: unknown): number | null {
  return isAppError(error) && typeof error.facts.step === 'number' ? error.facts.step : null
}

/** Everything that belongs to the lease and is not delivered yet: the newest checkpoint, metrics, log lines. */
async function deliverRest({ uploads, heartbeat }: OpenFold, signal: AbortSignal): Promise<void> {
  await uploads.settled()
  signal.throwIfAborted()
  await heartbeat.flush(signal)
}

/** Ends work on a fold that is not ours any more, or whose end could not be told. */
async function leave(fold: OpenFold, error: unknown): Promise<FoldEnd> {
  const step = fold.step()
  const reason: unknown = fold.over.aborted ? fold.over.reason : error
  if (reason instanceof SessionOver) return { kind: 'unreported', step, keptAt: await keepUndelivered(fold) }
  if (reason instanceof Cancelled) return letGo(fold, step)
  switch (verdictOn(reason)) {
    case 'leave-fold':
      return { kind: 'lease-lost', step }
    case 'leave-session':
      return { kind: 'session-lost', step }
    case 'retry':
    case 'fail-fold':
      throw reason
  }
}

/** The API ends a cancelled fold at once when it is given back, else when its lease runs out. */
async function letGo(fold: OpenFold, step: number): Promise<FoldEnd> {
  await fold.uploads.discard()
  await giveBack(fold, step, fold.context.time.over).catch((error: unknown) => {
    if (verdictOn(error) === 'fail-fold' && !fold.context.time.over.aborted) throw error
  })
  return { kind: 'cancelled', step }
}

/** Moves a checkpoint that could not be committed to where no tidying finds it. Null if there is none. */
async function keepUndelivered({ context, lease, uploads }: OpenFold): Promise<string | null> {
  const checkpoint = uploads.uncommitted()
  if (checkpoint === null) return null
  const keptAt = join(context.cacheDir, 'kept', `${lease.foldId}-attempt-${lease.attempt}`)
  await mkdir(join(context.cacheDir, 'kept'), { recursive: true })
  await rename(checkpoint.dir, keptAt)
  return keptAt
}
