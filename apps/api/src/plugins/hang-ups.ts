import type { ServerResponse } from 'node:http'

/**
 * Gives each request a signal that aborts when its caller hangs up, or when the server closes.
 *
 * `AbortSignal.any` would say the same, but the long-lived signal keeps an entry of every request it was ever joined to.
 */
export function watchHangUps(closing: AbortSignal): (response: ServerResponse) => AbortSignal {
  const open = new Set<AbortController>()
  closing.addEventListener('abort', () => open.forEach((controller) => controller.abort()), { once: true })
  return (response) => {
    const controller = new AbortController()
    open.add(controller)
    response.once('close', () => {
      open.delete(controller)
      controller.abort()
    })
    if (closing.aborted) controller.abort()
    return controller.signal
  }
}
