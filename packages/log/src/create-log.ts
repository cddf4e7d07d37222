import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { redact } from './redact.ts'

/** A logger; `log.child({ foldId, fold, attempt, sessionId })` binds fields to every line of a unit of work. */
export type Log = Logger

export interface LogOptions {
  /** The process: `api`, `coordinator`, `bot`, `worker`, `cli`. Stands in every line as `app`. */
  readonly app: string
  /** Default `info`; `silent` writes nothing. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Default standard output, written synchronously: the last line before a crash is the one that is needed. */
  readonly destination?: DestinationStream
}

/**
 * Creates the process's logger: one JSON object a line, with time and level as words that a person reads.
 * Whatever is logged, message, fields or error, the line is redacted as a whole just before it is written.
 */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level ?? 'info',
      base: { app: options.app },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError, err: describeError },
      hooks: { streamWrite: redact },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

/** What a reader needs of an error. Libraries hang whole clients on theirs, with their configuration and sockets. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code, cause } = error as Error & { code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  }
}
