import { isAppError, problems } from '@baton/contracts'
import type { AppError } from '@baton/contracts'
import { CommanderError } from 'commander'
import { Exit, exitCodes, UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { paint } from './paint.ts'
import { printable, printableLines } from './text.ts'

/** Faults shown; a file with more wrong in it is corrected in rounds. */
const faultsShown = 50

/** Prints what ended a command, and says with which code the process exits. */
export function reportEnd(io: Io, error: unknown): number {
  if (error instanceof Exit) return error.code
  // Commander has printed help, version or what was wrong already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof UsageError) {
    io.err(`${paint(io, 'red', 'usage:')} ${error.message}`)
    return exitCodes.usage
  }
  if (isAppError(error)) for (const line of problemLines(error)) io.err(line)
  // Not expected, so it is a bug: whoever repairs it wants the stack.
  else io.err(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return exitCodes.problem
}

/** A problem as a person reads it: what, why, where, and what to do. */
export function problemLines(error: AppError): string[] {
  const { title, remedy } = problems[error.code]
  const shown = error.faults.slice(0, faultsShown)
  const width = Math.min(48, Math.max(0, ...shown.map((fault) => fault.pointer.length)))
  return [
    `problem: ${title} (${error.code})`,
    ...(error.detail === undefined ? [] : printableLines(error.detail).map((line) => `  ${line}`)),
    ...shown.map(({ pointer, detail }) => `  ${printable(pointer).padEnd(width)}  ${printable(detail)}`),
    ...(error.faults.length > faultsShown ? [`  and ${error.faults.length - faultsShown} more`] : []),
    `what to do: ${remedy}`,
  ]
}
