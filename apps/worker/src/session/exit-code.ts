import type { SessionSummary } from './run-session.ts'

/** What the worker's exit code says, for whatever restarts it. Anything else: a bug, with its stack on standard error. */
export const exitCodes = {
  0: 'the session ended as it should: its time was up, it was asked to stop, or nothing came',
  2: 'the settings are not valid',
  3: 'the API refused the enrolment token, does not know the session any more, or never answered',
  4: 'a checkpoint could not be delivered and was kept on this machine; the log says where',
  5: 'this machine is unfit: no TensorFlow, or fold after fold failed here',
} as const
export type ExitCode = keyof typeof exitCodes

export function exitCodeOf({ reason, folds }: SessionSummary): ExitCode {
  if (folds.some(({ end }) => end.kind === 'unreported' && end.keptAt !== null)) return 4
  if (reason === 'unknown') return 3
  return reason === 'unfit' ? 5 : 0
}
