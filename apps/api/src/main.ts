import { admitOwnerToken } from '@baton/core'
import { runService } from '@baton/service'
import { startApi } from './start-api.ts'

await runService('api', async ({ config, database, queue, blobs, log, metrics, tracer }) => {
  if (config.auth.ownerToken) await admitOwnerToken(database, config.auth.ownerToken.reveal())
  return startApi({
    ...config.http,
    database,
    queue,
    queueBoard: { ...config.queueBoard, queue },
    blobs,
    s3: null,
    log,
    times: config.lease,
    meter: metrics?.requests ?? null,
    tracer,
  })
})
