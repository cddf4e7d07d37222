import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createClient, isAppError } from '@baton/contracts'
import type { Client, Lease, Provider, RegisteredSession } from '@baton/contracts'
import { systemClock } from '../clock.ts'
import type { StopReason } from '../fold/open-fold.ts'
import { runFold } from '../fold/run-fold.ts'
import type { FoldEnd } from '../fold/run-fold.ts'
import { createPace } from '../pace/pace.ts'
import { handOverSeconds } from '../pace/should-hand-over.ts'
import { retrying, verdictOn } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import { openBlobCache, removeAbandoned } from '../transfer/blob-cache.ts'
import { whenAborted } from '../when-aborted.ts'
import { startSessionTime } from './session-time.ts'
import type { SessionTime } from './session-time.ts'

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
  /** What the provider gives this session from now on; null: no end. */
  readonly secondsLeft: number | null
  /** Folder for objects by digest; sessions may share it. */
  readonly cacheDir: string
  /** Objects kept in it for later folds. Default 20 GB. */
  readonly cacheBytes?: number
  /** Threads that a training may use. */
  readonly threads: number
  /** Script of the training child. */
  readonly trainEntry: URL
  /** Kept free at the session's end for what was never measured. Default 30. */
  readonly marginSeconds?: number
  /** A lease is taken only if that much is left before the hand-over. Default 60. */
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

/**
 * Why a session ended.
 *
 * deadline | signal | drain | idle   as it should
 * unfit     three folds in a row failed here for reasons that are not the user's code
 * unknown   the API refused the enrolment token, or does not know the session any more
 */
export type SessionReason = StopReason | 'idle' | 'unfit' | 'unknown'

export interface SessionSummary {
  readonly sessionId: string | null
  readonly reason: SessionReason
  readonly folds: readonly (Pick<Lease, 'foldId' | 'project' | 'version' | 'fold' | 'attempt'> & { end: FoldEnd })[]
}

/** After a second SIGTERM: what fits into this is still done. */
const hurrySeconds = 5
/** Folds that may fail in a row before the session is taken to be what is broken. */
const failuresUntilUnfit = 3
/** Registering is tried for this long: an API that restarts is back by then, a wrong address is not. */
const registerGiveUpMs = 5 * 60_000

/**
 * Runs one session: registers, works on one fold after the other, and says goodbye when its time is up, it is asked
 * to, or nothing comes for long.
 *
 * The session token lives in this call's memory only. An API that is away for minutes costs nothing: the training
 * goes on, and everything is delivered when it is back.
 *
 * @throws {AppError} `unavailable` when the API did not answer for five minutes; `request-invalid`
 */
export async function runSession(options: SessionOptions): Promise<SessionSummary> {
  const tools: Tools = { clock: options.clock ?? systemClock, random: options.random ?? Math.random, log: options.log }
  const time = startSessionTime(tools.clock, options.secondsLeft, (options.marginSeconds ?? 30) / 2)
  const ended = new AbortController()
  if (options.hurry) whenAborted(options.hurry, ended.signal, () => time.hurry(hurrySeconds))
  try {
    const registered = await register(tools, options, time)
    if (typeof registered === 'string') return { sessionId: null, reason: registered, folds: [] }
    const sessionTools = { ...tools, log: tools.log.child({ sessionId: registered.id }) }
    return await serve(sessionTools, options, time, registered)
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

async function serve(
  tools: Tools,
  options: SessionOptions,
  time: SessionTime,
  registered: RegisteredSession,
): Promise<SessionSummary> {
  const { id: sessionId, token, heartbeatSeconds } = registered
  const api = createClient({ url: options.url, token, timeoutMs: 20_000 })
  const cacheDir = resolve(options.cacheDir)
  await mkdir(join(cacheDir, 'work'), { recursive: true })
  await removeAbandoned(join(cacheDir, 'work'))
  const stopping = new AbortController()
  const stop = (reason: StopReason): void => stopping.abort(reason)
  const ended = new AbortController()
  if (options.stop) whenAborted(options.stop, ended.signal, () => stop('signal'))
  const context = {
    ...tools,
    api,
    heartbeatSeconds,
    time,
    stopping: stopping.signal,
    stop,
    paces: { step: createPace(), save: createPace(), upload: createPace() },
    marginSeconds: options.marginSeconds ?? 30,
    cache: await openBlobCache(cacheDir),
    cacheDir,
    cacheBytes: options.cacheBytes ?? 20e9,
    trainEntry: options.trainEntry,
    threads: options.threads,
  }
  tools.log.info({ name: options.name, secondsLeft: time.secondsLeft() }, 'session registered')

  const folds: SessionSummary['folds'][number][] = []
  let failuresInARow = 0

  /** Works until there is a reason to end. */
  async function work(): Promise<SessionReason> {
    for (;;) {
      if (stopping.signal.aborted) return stopping.signal.reason as StopReason
      if (!isWorthALease()) return 'deadline'
      const lease = await waitForLease()
      if (lease === 'idle' || lease === 'unknown') return lease
      if (lease === null) continue
      const end = await runFold(context, lease)
      const { foldId, project, version, fold, attempt } = lease
      folds.push({ foldId, project, version, fold, attempt, end })
      if (end.kind === 'session-lost') return 'unknown'
      failuresInARow = isSessionsFault(end) ? failuresInARow + 1 : 0
      if (failuresInARow >= failuresUntilUnfit) return 'unfit'
    }
  }

  function isWorthALease(): boolean {
    const secondsLeft = time.secondsLeft()
    const { step, save, upload } = context.paces
    const paces = { step: step.p99(), save: save.p99(), upload: upload.p99() }
    const farewell = handOverSeconds({ ...paces, uploadsAhead: 0, margin: context.marginSeconds, secondsLeft })
    return secondsLeft === null || secondsLeft > farewell + (options.minLeaseSeconds ?? 60)
  }

  /** Null: look again whether the session is to end. */
  async function waitForLease(): Promise<Lease | null | 'idle' | 'unknown'> {
    const startMs = tools.clock.now()
    const maxIdleMs = 1000 * (options.maxIdleSeconds ?? Infinity)
    while (isWorthALease()) {
      const answer = await pollLease()
      if (answer === null || answer === 'unknown') return answer
      if (answer.command === 'drain') stop('drain')
      if (answer.lease !== null) return answer.lease
      if (stopping.signal.aborted) return null
      if (tools.clock.now() - startMs >= maxIdleMs) return 'idle'
    }
    return null
  }

  async function pollLease(): Promise<Awaited<ReturnType<Client['acquireLease']>> | null | 'unknown'> {
    const { signal } = stopping
    const input = { params: { session: sessionId }, body: { waitSeconds: options.pollSeconds ?? 20 } }
    try {
      return await retrying(tools, { what: 'ask for a lease', signal }, () => api.acquireLease(input, { signal }))
    } catch (error) {
      if (signal.aborted) return null
      if (verdictOn(error) === 'leave-session') return 'unknown'
      throw error
    }
  }

  try {
    const reason = await work()
    if (reason !== 'unknown') await sayGoodbye()
    tools.log.info({ reason, folds: folds.length }, 'session ended')
    return { sessionId, reason, folds }
  } finally {
    ended.abort()
  }

  async function sayGoodbye(): Promise<void> {
    try {
      // Once: a session that stays silent is noticed as well, only later.
      await api.endSession({ params: { session: sessionId } }, { signal: time.over })
    } catch (error) {
      tools.log.warn({ error }, 'goodbye was not heard')
    }
  }
}

/** Failures that another machine may not have; the user's code, its data and its numbers fail anywhere. */
function isSessionsFault(end: FoldEnd): boolean {
  return end.kind === 'failed' && end.isRetried && end.code !== 'user-code-failed'
}
