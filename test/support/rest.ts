import { startApi } from '@baton/api'
import { createClient } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { insertToken } from '@baton/core'
import { createLog } from '@baton/log'
import type { World } from '@baton/testing'
import type { Tracer } from '@baton/trace'

export interface Rest {
  readonly url: string
  readonly owner: Client
  readonly ownerToken: string
  close(): Promise<void>
}

/** REST on a world, and its owner. */
export async function startRest({ store, blobs, queue, times }: World, tracer: Tracer | null = null): Promise<Rest> {
  const log = createLog({ app: 'api', level: 'silent' })
  const api = await startApi({
    host: '127.0.0.1',
    port: 0,
    database: store,
    queue,
    blobs,
    s3: null,
    log,
    times,
    tracer,
  })
  const { token } = await insertToken(store, { name: 'owner', role: 'owner', project: null, validSeconds: null })
  return {
    url: api.url,
    owner: createClient({ url: api.url, token }),
    ownerToken: token,
    close: () => api.close(),
  }
}
