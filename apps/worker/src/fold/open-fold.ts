import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { assertNever } from '@baton/contracts'
import type { Client, Command, Lease, LogLine, Progress } from '@baton/contracts'
import type { Tracer } from '@baton/trace'
import type { FromTraining, TrainingRun } from '../child/messages.ts'
import type { Child } from '../child/start-child.ts'
import type { Pace } from '../pace/pace.ts'
import { shouldHandOver } from '../pace/should-hand-over.ts'
import { verdictOn } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { SessionTime } from '../session/session-time.ts'
import type { BlobCache } from '../transfer/blob-cache.ts'
import { whenAborted } from '../when-aborted.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { Heartbeat } from './heartbeat.ts'
import { createOutbox } from './outbox.ts'
import { traceFold } from './trace-fold.ts'
import type { FoldTrace } from './trace-fold.ts'
import { uploadCheckpoints } from './upload-checkpoints.ts'
import type { CheckpointUploads } from './upload-checkpoints.ts'

/** Why a session takes no further lease and hands over the one it has. */
export type StopReason = 'deadline' | 'signal' | 'drain'

/** What a session lends to the fold it works on. */
export interface FoldContext extends Tools {
  readonly api: Client
  readonly heartbeatSeconds: number
  readonly time: SessionTime
  /** Aborts when the session is to stop: the fold is handed over. */
  readonly stopping: AbortSignal
  stop(reason: StopReason): void
  /** How long things took in this session so far. */
  readonly paces: { readonly step: Pace; readonly save: Pace; readonly upload: Pace }
  readonly marginSeconds: number
  readonly cache: BlobCache
  readonly cacheDir: string
  readonly cacheBytes: number
  /** Script of the training child. */
  readonly trainEntry: URL
  /** Null: nobody asked for traces. */
  readonly tracer: Tracer | null
  readonly threads: number
  readonly dataThreads: number
  readonly execution: TrainingRun['execution']
  /** The one GPU that the training sees, an entry of CUDA_VISIBLE_DEVICES; null: all that there are. */
  readonly gpu: string | null
}

/** A lease being worked on: its folder, its heartbeat, its uploads, and what ends it. */
export interface OpenFold {
  readonly context: FoldContext
  readonly tools: Tools
  readonly lease: Lease
  readonly workDir: string
  /** Aborts when the work is to be dropped at once; the reason says why: lease lost, cancelled, session over. */
  readonly over: AbortSignal
  /** Aborts when the fold is to be handed over: the session stops, or the experiment was paused. */
  readonly stopping: AbortSignal
  readonly heartbeat: Heartbeat
  readonly uploads: CheckpointUploads
  readonly trace: FoldTrace
  /** Last lines of the training, for the words of a failure. */
  readonly lastLines: readonly string[]
  /** The next step to do, as far as the training said. */
  step(): number
  /** Takes what the training says. */
  hear(message: FromTraining): void
  /** Takes a line for people: from the training, or about it. */
  say(level: LogLine['level'], text: string): void
  /** The child that `checkpoint` commands go to; null before and after. */
  attend(child: Child | null): void
  /** Called before the lease is given up: a heartbeat that overtakes the answer finds it gone, which is no loss. */
  ending(): void
  close(): Promise<void>
}

/** Somebody cancelled the experiment. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}

const linesKept = 20
/** How often the end of the session is looked at. */
const watchEveryMs = 250

/** Starts to work on a lease: from here on it is renewed, and the session's end is watched. */
export async function openFold(context: FoldContext, lease: Lease): Promise<OpenFold> {
  const { foldId, fold, attempt } = lease
  const tools = { ...context, log: context.log.child({ foldId, fold, attempt }) }
  const workDir = await mkdtemp(join(context.cacheDir, 'work', `${foldId}-`))
  const over = new AbortController()
  const paused = new AbortController()
  const closed = new AbortController()
  const outbox = createOutbox()
  const lastLines: string[] = []
  let progress: Progress | null = null
  let child: Child | null = null
  let isEnding = false

  const end = (reason: unknown): void => over.abort(reason)
  whenAborted(context.time.over, closed.signal, () => end(context.time.over.reason))
  const { api, paces } = context
  const trace = traceFold(context.tracer, lease)
  const uploads = uploadCheckpoints(tools, {
    api,
    lease,
    signal: over.signal,
    trace,
    cache: context.cache,
    onPace: (seconds) => paces.upload.add(seconds),
    onFailed: end,
  })
  const heartbeat = startHeartbeat(tools, {
    api,
    lease,
    everySeconds: context.heartbeatSeconds,
    outbox,
    progress: () => progress,
    secondsLeft: () => context.time.secondsLeft(),
    onRefused(error) {
      if (!isEnding || verdictOn(error) !== 'leave-fold') end(error)
    },
    onCommand(command) {
      tools.log.info({ command }, 'command received')
      obey(command)
    },
  })
  void watchDeadline(context, uploads, closed.signal)

  function obey(command: Command): void {
    switch (command) {
      case 'checkpoint':
        return child?.signal('checkpoint')
      case 'pause':
        return paused.abort()
      case 'drain':
        return context.stop('drain')
      case 'cancel':
        return end(new Cancelled('the experiment was cancelled'))
      default:
        return assertNever(command)
    }
  }

  function say(level: LogLine['level'], text: string): void {
    for (const line of text.split('\n')) if (lastLines.push(line.slice(0, 1000)) > linesKept) lastLines.shift()
    outbox.addLog(level, text)
  }

  return {
    context,
    tools,
    lease,
    workDir,
    over: over.signal,
    stopping: AbortSignal.any([context.stopping, paused.signal]),
    heartbeat,
    uploads,
    trace,
    lastLines,
    step: () => progress?.step ?? lease.checkpoint?.manifest.position.step ?? 0,
    say,
    hear(message) {
      trace.hear(message)
      switch (message.kind) {
        case 'progress':
          progress = message.progress
          return paces.step.add(message.stepSeconds)
        case 'metrics':
          return outbox.addMetrics(message.points)
        case 'log':
          tools.log[message.level]({ text: message.text }, 'training says')
          return say(message.level, message.text)
        case 'checkpoint':
          paces.save.add(message.checkpoint.saveSeconds)
          touch(workDir)
          return uploads.offer(message.checkpoint)
      }
    },
    attend: (attended) => void (child = attended),
    ending: () => void (isEnding = true),
    async close() {
      closed.abort()
      heartbeat.stop()
      // Ends uploads that are still under way; nobody waits for them any more.
      end(new Error('the fold is closed'))
      await uploads.settled()
      await rm(workDir, { recursive: true, force: true })
    },
  }
}

/** Stops the session as soon as a hand-over takes all the time that is left. */
async function watchDeadline(context: FoldContext, uploads: CheckpointUploads, closed: AbortSignal): Promise<void> {
  const { time, paces, marginSeconds: margin, clock } = context
  while (!closed.aborted) {
    const estimate = { step: paces.step.p99(), save: paces.save.p99(), upload: paces.upload.p99(), margin }
    const uploadsAhead = uploads.isBusy() ? 1 : 0
    if (shouldHandOver({ ...estimate, uploadsAhead, secondsLeft: time.secondsLeft() })) return context.stop('deadline')
    await clock.sleep(watchEveryMs, closed).catch(() => undefined)
  }
}

/** Shows sessions that tidy up that this folder is in use. */
function touch(folder: string): void {
  const now = new Date()
  utimes(folder, now, now).catch(() => undefined)
}
