import { presenceGapSeconds, presenceSeconds } from '@baton/core'
import type { ApiOptions } from './options.ts'
import { buildServer } from './server.ts'

export interface RunningApi {
  readonly url: string
  /** Stops taking requests, lets those under way finish, and ends waiting long polls. */
  close(): Promise<void>
}

/** Starts REST /v1. While it runs it says so in the database: leases expire only while workers can renew them. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const closing = new AbortController()
  const server = buildServer({ ...options, closing: closing.signal })
  await options.database.presence.touch('api', presenceGapSeconds)
  const url = await server.listen({ host: options.host, port: options.port })
  const presence = setInterval(() => {
    options.database.presence
      .touch('api', presenceGapSeconds)
      .catch((error: unknown) => options.log.warn({ error }, 'presence not written'))
  }, presenceSeconds * 1000)
  options.log.info({ url }, 'api listens')
  return {
    url,
    close: async () => {
      clearInterval(presence)
      closing.abort()
      await server.close()
    },
  }
}
