import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createS3Endpoint } from '@baton/s3-endpoint'
import type { S3Endpoint, S3EndpointOptions } from '@baton/s3-endpoint'
import pg from 'pg'
import { credentials, region } from './s3-credentials.ts'

export interface S3Server {
  /** Address of the endpoint, with its prefix. */
  readonly url: string
  readonly endpoint: S3Endpoint
  readonly pool: pg.Pool
  readonly close: () => Promise<void>
}

/** The embedded S3 endpoint on a real server on loopback. */
export async function startS3Server(
  databaseUrl: string,
  directory: string,
  more: Partial<S3EndpointOptions> = {},
): Promise<S3Server> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 30 })
  // A database that goes away is what some tests are about.
  pool.on('error', () => undefined)
  const prefix = '/s3'
  const endpoint = createS3Endpoint({ pool, directory, credentials: [credentials], prefix, region, ...more })
  const server = createServer({ noDelay: true, requestTimeout: 0 }, (req, res) => void endpoint.handle(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    endpoint,
    pool,
    async close() {
      server.close()
      server.closeAllConnections()
      await endpoint.close()
      await pool.end()
    },
  }
}
