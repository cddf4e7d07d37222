import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ProblemCode, ShardFile } from '@baton/contracts'
import { z } from 'zod'
import type { ShardPull } from '../transfer/pull-shards.ts'
import { childEnvironment } from './child-environment.ts'
import { classifyExit, memoryKills, memoryUsed } from './classify-exit.ts'
import { FromChild } from './messages.ts'
import type { FromTraining, Outcome, Signal, ToChild, TrainingRun } from './messages.ts'

export interface StartChild {
  /** The child's script; it calls `serveSupervisor`. */
  readonly entry: URL
  readonly run: TrainingRun
  /** The one GPU that it sees; null: all that there are. */
  readonly gpu: string | null
  readonly onMessage: (message: FromTraining) => void
  /** Finds the file that has these samples of a shard. */
  readonly find: ShardPull['find']
  /** A line that the child printed. */
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void
  /** The latest lines, printed or said, as they are when the child ends. */
  readonly lastLines: readonly string[]
}

/** How a child ended; by itself, or killed by `kill`. */
export type ChildEnd =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'failure'; readonly code: ProblemCode; readonly detail: string; readonly step: number | null }
  | { readonly kind: 'killed' }

export interface Child {
  readonly pid: number | undefined
  signal(signal: Signal): void
  /** Ends it at once, whatever it does. */
  kill(): void
  /** Settles once the process is gone. */
  readonly ended: Promise<ChildEnd>
}

/** A child that has said how it ended may tidy up for so long. */
const farewellMs = 10_000
/** How often the memory in use is looked at: a training that grows slower than this is seen to fill it. */
const memorySampleMs = 1000

/**
 * Starts a training in a process of its own: a crash, a leak or a native call of minutes there never reaches the
 * heartbeat here. The process gets no secret: none is in its environment, its arguments or its messages.
 */
export async function startChild({ entry, run, gpu, onMessage, find, onLine, lastLines }: StartChild): Promise<Child> {
  const killsBefore = await memoryKills()
  const child = fork(fileURLToPath(entry), [], {
    cwd: run.workDir,
    env: childEnvironment(process.env, Math.max(run.threads, run.dataThreads), gpu),
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  for (const stream of ['stdout', 'stderr'] as const) onLines(child[stream]!, (line) => onLine(stream, line))
  const memory = watchMemory()
  let end: ChildEnd | undefined

  const tell = (message: ToChild) => {
    // A child that is gone hears nothing; its exit is told below.
    if (child.connected) child.send(message, () => undefined)
  }
  const kill = () => {
    end ??= { kind: 'killed' }
    child.kill('SIGKILL')
  }
  /** Both sides are one build: this is a bug in the training, and ends it, not the session. */
  const endForNonsense = (detail: string) => {
    end ??= { kind: 'failure', code: 'trainer-crashed', detail: detail.slice(0, 4000), step: null }
    child.kill('SIGKILL')
  }
  child.on('message', (raw) => {
    const { success, data: message, error } = FromChild.safeParse(raw)
    if (!success) return endForNonsense(`not a message: ${z.prettifyError(error)}`)
    if (message.kind === 'find') {
      const answer = (file: ShardFile) => tell({ kind: 'found', id: message.id, file })
      return void find(message.shard, message.pieces).then(answer, ({ message }: Error) => endForNonsense(message))
    }
    if (message.kind !== 'outcome' && message.kind !== 'failure') return onMessage(message)
    end ??= message.kind === 'outcome' ? message : { kind: 'failure', ...message.failure }
    setTimeout(() => child.kill('SIGKILL'), farewellMs).unref()
  })
  tell({ kind: 'start', run })

  const ended = exitOf(child).then(async ({ code, signal }): Promise<ChildEnd> => {
    const wasKilledForMemory = (await memoryKills()) > killsBefore
    const facts = { code, signal, memoryUsed: memory.stop(), wasKilledForMemory, lastLines }
    return end ?? { kind: 'failure', ...classifyExit(facts), step: null }
  })
  return { pid: child.pid, signal: (signal) => tell({ kind: 'signal', signal }), kill, ended }
}

/** Settles once the process is gone and what it printed is read. */
function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const settle = () => resolve({ code, signal })
      child.once('close', settle)
      // A process that the child left behind may hold its output open.
      setTimeout(settle, 1000).unref()
    })
  })
}

function onLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', onLine)
}

/** The most memory in use over the last few looks: after a kill it is free again. */
function watchMemory(): { stop(): number } {
  const recent: number[] = [memoryUsed()]
  const timer = setInterval(() => {
    if (recent.push(memoryUsed()) > 5) recent.shift()
  }, memorySampleMs)
  return {
    stop() {
      clearInterval(timer)
      return Math.max(...recent)
    },
  }
}
