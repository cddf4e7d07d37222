/** The process's signals as a session hears them. */
export interface StopSignals {
  /** Aborts at the first SIGTERM or SIGINT: hand over and end. */
  readonly stop: AbortSignal
  /** Aborts at the second: only seconds are left. */
  readonly hurry: AbortSignal
}

/** Turns SIGTERM and SIGINT into aborts, from now until the process ends; they no longer end it by themselves. */
export function listenForStop(): StopSignals {
  const stop = new AbortController()
  const hurry = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => (stop.signal.aborted ? hurry : stop).abort(new Error(`received ${name}`)))
  return { stop: stop.signal, hurry: hurry.signal }
}
