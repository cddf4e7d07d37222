/** Does something once the signal aborts, at once if it has already, until `until` aborts. */
export function whenAborted(signal: AbortSignal, until: AbortSignal, action: () => void): void {
  if (until.aborted) return
  if (signal.aborted) action()
  else signal.addEventListener('abort', action, { once: true, signal: until })
}
