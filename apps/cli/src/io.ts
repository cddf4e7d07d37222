import { createInterface } from 'node:readline/promises'
import type { Env } from '@baton/config'
import { Exit, exitCodes } from './exit.ts'

/** What a command reads its surroundings from and prints to. */
export interface Io {
  readonly env: Env
  /** Prints a line of the result to standard output. */
  readonly out: (line: string) => void
  /** Prints a line for the person watching to standard error. */
  readonly err: (line: string) => void
  /** The terminal that standard error is; null in a pipe or file. */
  readonly terminal: Terminal | null
  /** Asks the person at the terminal and answers with their line; null where standard input is none. */
  readonly ask: ((question: string) => Promise<string>) | null
  /** From its first call on, Ctrl-C or SIGTERM aborts this signal instead of ending the process; the next one ends it. */
  readonly stopSignal: () => AbortSignal
}

export interface Terminal {
  /** Writes as it is, control sequences included. */
  readonly write: (text: string) => void
  readonly columns: number
  readonly hasColours: boolean
}

/** The surroundings of this process. */
export function processIo(): Io {
  let stopping: AbortController | undefined
  return {
    env: process.env,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    terminal: process.stderr.isTTY
      ? {
          write: (text) => void process.stderr.write(text),
          get columns() {
            return process.stderr.columns
          },
          // https://no-color.org
          hasColours: !process.env.NO_COLOR && process.stderr.hasColors(),
        }
      : null,
    ask: process.stdin.isTTY ? askOnTerminal : null,
    stopSignal: () => (stopping ??= abortOnSignals()).signal,
  }
}

async function askOnTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and Ctrl-D: the interface has taken the signal from the process, and nothing would be answered any more.
  const ended = new Promise<never>((_, reject) => {
    terminal.once('SIGINT', () => reject(new Exit(exitCodes.interrupted)))
    terminal.once('close', () => reject(new Exit(exitCodes.interrupted)))
  })
  try {
    return await Promise.race([terminal.question(question), ended])
  } finally {
    terminal.close()
  }
}

function abortOnSignals(): AbortController {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort(signal))
  return controller
}
