import type { Log } from '@baton/log'

/**
 * Runs work again and again, the next time `seconds` after the last has ended, so it never runs beside itself.
 * A failure is logged and the rhythm goes on: the next run may find the database back.
 *
 * @returns Stops it, once a run that is under way has ended.
 */
export function every(seconds: number, name: string, log: Log, work: () => Promise<unknown>): () => Promise<void> {
  let stopped = false
  let wake: () => void = () => undefined
  const loop = async () => {
    while (!stopped) {
      await work().catch((error: unknown) => log.warn({ error, sweep: name }, 'sweep failed'))
      if (stopped) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const running = loop()
  return async () => {
    stopped = true
    wake()
    await running
  }
}
