/**
 * What is asked of a training from outside.
 *
 * checkpoint  save one more checkpoint, go on
 * hand-over   save a checkpoint, stop
 * cancel      stop, keep nothing
 */
export type Signal = 'checkpoint' | 'hand-over' | 'cancel'

/** Thrown through whatever is being done, to where the training is left. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signal: 'hand-over' | 'cancel'

  constructor(signal: 'hand-over' | 'cancel') {
    super(`the training was interrupted: ${signal}`)
    this.signal = signal
  }
}

export interface Interrupts {
  /** Called in every loop. @throws {Interrupted} on hand-over and cancel, from then on at every call */
  readonly poll: () => void
  /** Whether a checkpoint was asked for since the last call. */
  readonly takeWish: () => boolean
}

/** Watches a signal that may be said only once: a wish for a checkpoint waits until it is taken. */
export function watchInterrupts(signal: () => Signal | null): Interrupts {
  let wish = false
  let stop: 'hand-over' | 'cancel' | null = null
  return {
    poll() {
      const now = signal()
      if (now === 'checkpoint') wish = true
      else if (now !== null) stop = now
      if (stop !== null) throw new Interrupted(stop)
    },
    takeWish() {
      const taken = wish
      wish = false
      return taken
    },
  }
}

/** Lets what has arrived from outside (a message, a finished read) be handled before going on. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
