import type { Clock } from '../clock.ts'

/** The time a session has, counted from its start by a clock that never goes back. */
export interface SessionTime {
  /** Seconds until the end; null when nothing ends the session. Never below 0. */
  secondsLeft(): number | null
  /** Aborts shortly before the end: whoever still waits for the training gives up on it and says goodbye. */
  readonly lastCall: AbortSignal
  /** Aborts at the end: nothing is tried any more. */
  readonly over: AbortSignal
  /** Moves the end to at most so many seconds from now. */
  endWithin(seconds: number): void
  /** Lets go of the timers. */
  close(): void
}

/** A reason that says whose abort it was. */
export class SessionOver extends Error {
  override readonly name = 'SessionOver'
}

/**
 * Starts a session's time.
 *
 * @param secondsLeft What the provider gives from now on; null: no end.
 * @param farewellSeconds How long before the end `lastCall` is; at most half of what is left.
 */
export function startSessionTime(clock: Clock, secondsLeft: number | null, farewellSeconds: number): SessionTime {
  const lastCall = new AbortController()
  const over = new AbortController()
  let endMs = Infinity
  let timers = new AbortController()

  function endIn(seconds: number): void {
    endMs = clock.now() + 1000 * seconds
    timers.abort()
    timers = new AbortController()
    abortIn(lastCall, seconds - Math.min(farewellSeconds, seconds / 2))
    abortIn(over, seconds)
  }

  function abortIn(controller: AbortController, seconds: number): void {
    // A wait that was called off has nothing to do.
    clock.sleep(1000 * seconds, timers.signal).then(
      () => controller.abort(new SessionOver('the session has no time left')),
      () => undefined,
    )
  }

  if (secondsLeft !== null) endIn(secondsLeft)
  return {
    secondsLeft: () => (endMs === Infinity ? null : Math.max(0, (endMs - clock.now()) / 1000)),
    lastCall: lastCall.signal,
    over: over.signal,
    endWithin(seconds) {
      if (clock.now() + 1000 * seconds < endMs) endIn(seconds)
    },
    close: () => timers.abort(),
  }
}
