import { writeFile } from 'node:fs/promises'
import type { Log } from '@baton/log'

interface AliveOptions {
  readonly file: string
  /** Rejects where the service cannot do its work. */
  readonly ping: () => Promise<unknown>
  readonly log: Pick<Log, 'warn'>
  readonly now?: () => Date
}

/** A health check takes three silences for a process that is stuck or has lost its database. */
const aliveSeconds = 10

/**
 * Writes the time into a file again and again while the process runs and `ping` succeeds, for the health check of a
 * service that has no port to ask: a stuck event loop or a database that is away shows as a file that gets old.
 *
 * @returns stops it
 */
export function showAlive({ file, ping, log, now = () => new Date() }: AliveOptions): () => void {
  const show = () =>
    void ping()
      .then(() => writeFile(file, `${now().toISOString()}\n`))
      .catch((error: unknown) => log.warn({ error }, 'alive file not written'))
  show()
  const timer = setInterval(show, aliveSeconds * 1000)
  return () => clearInterval(timer)
}
