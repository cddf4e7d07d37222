/** What the exit code of `baton` says. */
export const exitCodes = {
  ok: 0,
  /** Something was refused or broke; standard error says what, and what to do. */
  problem: 1,
  /** The command line is not right. */
  usage: 2,
  /** The experiment that was watched failed or was cancelled. */
  experimentFailed: 3,
  /** Ctrl-C, as shells count it: 128 + SIGINT. */
  interrupted: 130,
} as const

/** The command line asks for something that makes no sense; the message says what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Ends the command with an exit code when all there is to say was said. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}
