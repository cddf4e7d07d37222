import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createClient, isAppError } from '@baton/contracts'
import type { Provider, RegisteredSession, TrainingEnvironment } from '@baton/contracts'
import type { Tracer } from '@baton/trace'
import { systemClock } from '../clock.ts'
import { createPace } from '../pace/pace.ts'
import { retrying } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import { openBlobCache, removeAbandoned } from '../transfer/blob-cache.ts'
import { whenAborted } from '../when-aborted.ts'
import { startSessionTime } from './session-time.ts'
import type { SessionTime } from './session-time.ts'
import { workOnFolds } from './work-on-folds.ts'
import type { FoldSummary, SessionContext, SessionReason } from './work-on-folds.ts'

export interface SessionOptions extends Partial<Pick<Tools, 'clock' | 'random'>>, Pick<Tools, 'log'> {
  /** Address of the API. */
  readonly url: string
  /** Registers this one session; used up by it. */
  readonly enrolmentToken: string
  readonly provider: Provider
  readonly name: string
  readonly accelerator: string | null
  readonly memoryBytes: number | null
  /** Queues to serve, the first one first. */
  readonly pools: readonly string[]
  /** What the provider gives this session from now on; null: as much as the API knows of the provider. */
  readonly secondsLeft: number | null
  /** Seconds of the session that went before; the provider counts them too. Default 0. */
  readonly spentSeconds?: number
  /** Folder for objects by digest; sessions may share it. */
  readonly cacheDir: string
  /** Objects kept in it for later folds. Default 20 GB. */
  readonly cacheBytes?: number
  /** GPUs by their entries of CUDA_VISIBLE_DEVICES: each trains a fold of its own. Default: one fold at a time. */
  readonly gpus?: readonly string[]
  /** Threads that a training's steps may use. */
  readonly threads: number
  /** Threads that make a training's pictures; 0: the one that does its steps. */
  readonly dataThreads: number
  /** How its steps run, where they can run in both ways. Default compiled. */
  readonly execution?: TrainingEnvironment['execution']
  /** Script of the training child. */
  readonly trainEntry: URL
  /** Takes spans of what the session does; null: nobody asked. */
  readonly tracer?: Tracer | null
  /** Kept free at the session's end for what was never measured. Default 30. */
  readonly marginSeconds?: number
  /** A lease is taken only if that much is left before the hand-over. Default twice the margin. */
  readonly minLeaseSeconds?: number
  /** Says goodbye after so long without a lease. Default: never. */
  readonly maxIdleSeconds?: number | null
  /** One long poll for a lease. Default 20, at most 30. */
  readonly pollSeconds?: number
  /** Aborts when the session is to hand over and end: the first SIGTERM. */
  readonly stop?: AbortSignal
  /** Aborts when only seconds are left for that: the second SIGTERM. */
  readonly hurry?: AbortSignal
}

export interface SessionSummary {
  /** Null: it was never registered. */
  readonly sessionId: string | null
  readonly reason: SessionReason
  readonly folds: readonly FoldSummary[]
}

/** After a second SIGTERM: what fits into this is still done. */
const hurrySeconds = 5
const defaultMarginSeconds = 30
/** A call that takes longer is taken for lost: shorter than a lease, so that the next heartbeat is in time. */
const callTimeoutMs = 20_000
/** Registering is tried for this long: an API that restarts is back by then, a wrong address is not. */
const registerGiveUpMs = 5 * 60_000

/**
 * Runs one session: registers, works on one fold after the other, with several GPUs on one a GPU, and says goodbye when
 * its time is up, it is asked to, or nothing comes for long.
 *
 * The session token lives in this call's memory only. An API that is away for minutes costs nothing: the training
 * goes on, and everything is delivered when it is back.
 *
 * @throws {AppError} `unavailable` when the API did not answer for five minutes; `request-invalid`
 */
export async function runSession(options: SessionOptions): Promise<SessionSummary> {
  const tools: Tools = { clock: options.clock ?? systemClock, random: options.random ?? Math.random, log: options.log }
  const time = startSessionTime(tools.clock, options.secondsLeft, (options.marginSeconds ?? defaultMarginSeconds) / 2)
  const ended = new AbortController()
  if (options.hurry) whenAborted(options.hurry, ended.signal, () => time.endWithin(hurrySeconds))
  try {
    const registered = await register(tools, options, time)
    if (typeof registered === 'string') return { sessionId: null, reason: registered, folds: [] }
    if (options.secondsLeft === null && registered.secondsLeft !== null)
      time.endWithin(Math.max(1, registered.secondsLeft - (options.spentSeconds ?? 0)))
    const session = await openSession(tools, options, time, registered)
    if (options.stop) whenAborted(options.stop, ended.signal, () => session.stop('signal'))
    session.log.info({ name: options.name, secondsLeft: time.secondsLeft() }, 'session registered')
    const { reason, folds } = await workOnFolds(session)
    if (reason !== 'unknown') await sayGoodbye(session)
    session.log.info({ reason, folds: folds.length }, 'session ended')
    return { sessionId: registered.id, reason, folds }
  } finally {
    ended.abort()
    time.close()
  }
}

/** A reason instead of a session: the enrolment token is not valid, or it was over before it began. */
async function register(
  tools: Tools,
  options: SessionOptions,
  time: SessionTime,
): Promise<RegisteredSession | SessionReason> {
  const { url, enrolmentToken: token, name, provider, accelerator, memoryBytes, pools } = options
  const api = createClient({ url, token })
  const signal = options.stop ? AbortSignal.any([options.stop, time.over]) : time.over
  try {
    return await retrying(tools, { what: 'register session', signal, giveUpAfterMs: registerGiveUpMs }, () => {
      const secondsLeft = time.secondsLeft()
      const body = { name, provider, accelerator, memoryBytes, pools: [...pools], secondsLeft }
      return api.registerSession({ body }, { signal })
    })
  } catch (error) {
    if (signal.aborted) return time.over.aborted ? 'deadline' : 'signal'
    if (!isAppError(error, 'unauthenticated')) throw error
    tools.log.error({ error }, 'the enrolment token is not valid, or was used before: issue a new one')
    return 'unknown'
  }
}

/** What the session's folds share. */
async function openSession(
  tools: Tools,
  options: SessionOptions,
  time: SessionTime,
  { id: sessionId, token, heartbeatSeconds }: RegisteredSession,
): Promise<SessionContext> {
  const { url, trainEntry, threads, dataThreads, execution = 'compiled', gpus = [] } = options
  const cacheDir = resolve(options.cacheDir)
  await mkdir(join(cacheDir, 'work'), { recursive: true })
  await removeAbandoned(join(cacheDir, 'work'))
  const stopping = new AbortController()
  return {
    ...tools,
    log: tools.log.child({ sessionId }),
    sessionId,
    api: createClient({ url, token, timeoutMs: callTimeoutMs }),
    heartbeatSeconds,
    time,
    stopping: stopping.signal,
    stop: (reason) => stopping.abort(reason),
    paces: { step: createPace(), save: createPace(), upload: createPace() },
    cache: await openBlobCache(cacheDir),
    cacheDir,
    cacheBytes: options.cacheBytes ?? 20e9,
    trainEntry,
    tracer: options.tracer ?? null,
    threads,
    dataThreads,
    execution,
    gpus: gpus.length === 0 ? [null] : gpus,
    marginSeconds: options.marginSeconds ?? defaultMarginSeconds,
    minLeaseSeconds: options.minLeaseSeconds ?? 2 * (options.marginSeconds ?? defaultMarginSeconds),
    maxIdleSeconds: options.maxIdleSeconds ?? Infinity,
    pollSeconds: options.pollSeconds ?? 20,
  }
}

/** Said once: a session that stays silent is noticed as well, only later. */
async function sayGoodbye({ api, sessionId, time, log }: SessionContext): Promise<void> {
  try {
    await api.endSession({ params: { session: sessionId } }, { signal: time.over })
  } catch (error) {
    log.warn({ error }, 'goodbye was not heard')
  }
}
