import type { Env } from '@baton/config'

/** What a command reads its surroundings from and prints to. */
export interface Io {
  readonly env: Env
  /** Prints a line of the result to standard output. */
  readonly out: (line: string) => void
  /** Prints a line for the person watching to standard error. */
  readonly err: (line: string) => void
  /** The terminal that standard error is; null in a pipe or file. */
  readonly terminal: Terminal | null
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
    stopSignal: () => (stopping ??= abortOnSignals()).signal,
  }
}

function abortOnSignals(): AbortController {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort(signal))
  return controller
}
