import { Worker } from 'node:worker_threads'
import { isAppError } from '@baton/contracts'
import type { ShardFile } from '@baton/contracts'
import type { ShardPiece } from '../transfer/shard-piece.ts'
import { Signal, ToChild } from './messages.ts'
import type { FromChild, FromTraining, Outcome, TrainingRun } from './messages.ts'

/** The supervisor as a training child sees it. */
export interface Supervisor {
  /** What is asked of the training now. `checkpoint` is said once, the others until the end. */
  signal(): Signal | null
  send(message: FromTraining): void
  /** The file that has these samples of a shard, once they are in it. What keeps them away ends the training. */
  find(shard: number, pieces: readonly ShardPiece[]): Promise<ShardFile>
}

/** Signal, exit code: what ends a process that has lost its supervisor. */
const orphanExitCode = 70

/**
 * Runs a training in this child process: waits for what to train, trains, says how it ended, and exits.
 *
 * The process never outlives its supervisor, not even inside a native call of minutes: a thread of its own looks
 * whether the supervisor is still the parent. Ctrl-C and SIGTERM, which a terminal or a container sends to every
 * process, are left to the supervisor, who answers them with a hand-over.
 */
export async function serveSupervisor(
  train: (run: TrainingRun, supervisor: Supervisor) => Promise<Outcome>,
): Promise<void> {
  dieWithSupervisor()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined)
  const { run, supervisor } = await receiveRun()
  await say(await outcomeOf(() => train(run, supervisor)))
  process.exit(0)
}

function dieWithSupervisor(): void {
  process.on('disconnect', () => process.exit(orphanExitCode))
  const watch = `
    const { workerData: parent } = require('node:worker_threads')
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 500)`
  new Worker(watch, { eval: true, workerData: process.ppid }).unref()
}

/** The first message says what to train; the later ones change the signal. */
async function receiveRun(): Promise<{ run: TrainingRun; supervisor: Supervisor }> {
  let signal: Signal | null = null
  /** Who waits for a file, by the id of the question. */
  const asked = new Map<number, (file: ShardFile) => void>()
  let asks = 0
  const supervisor: Supervisor = {
    signal() {
      const now = signal
      if (now === 'checkpoint') signal = null
      return now
    },
    send: (message) => void say(message),
    find(shard, pieces) {
      const id = asks++
      void say({ kind: 'find', id, shard, pieces: [...pieces] })
      return new Promise((resolve) => asked.set(id, resolve))
    },
  }
  const run = await new Promise<TrainingRun>((resolve) => {
    process.on('message', (raw) => {
      const message = ToChild.parse(raw)
      if (message.kind === 'start') resolve(message.run)
      else if (message.kind === 'found') {
        asked.get(message.id)!(message.file)
        asked.delete(message.id)
      } else if (signal === null || Signal.options.indexOf(message.signal) > Signal.options.indexOf(signal))
        signal = message.signal
    })
  })
  return { run, supervisor }
}

async function outcomeOf(train: () => Promise<Outcome>): Promise<FromChild> {
  try {
    return { kind: 'outcome', outcome: await train() }
  } catch (error) {
    // What is no AppError is a bug: crash, with its stack where the supervisor keeps the last lines.
    if (!isAppError(error)) throw error
    const { code, message, facts } = error
    // Steps that were done since the last progress are known here only.
    const step = typeof facts.step === 'number' ? facts.step : null
    return { kind: 'failure', failure: { code, detail: message.slice(0, 4000), step } }
  }
}

/** Resolves once the message is on its way, so that exiting loses none. */
function say(message: FromChild): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve()
    // A supervisor that is gone hears nothing; the process is about to end anyway.
    process.send!(message, undefined, {}, () => resolve())
  })
}
