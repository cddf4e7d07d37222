import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '@baton/config'
import { AppError } from '@baton/contracts'
import type { Log } from '@baton/log'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { requestMeter } from './request-metrics.ts'
import type { RequestMeter } from './request-metrics.ts'
import { connectionMetrics, stateMetrics } from './state-metrics.ts'
import type { StateSource } from './state-metrics.ts'

export interface RunningMetrics {
  readonly url: string
  readonly requests: RequestMeter
  close(): Promise<void>
}

/**
 * Serves `GET /metrics` on a port of its own, which is no part of the address that notebooks and browsers reach: how
 * busy a service is, and what for, is nobody else's business, and a scraper needs no token. Null where no port is set.
 *
 * @param state Also shows what all processes share.
 * @throws {AppError} `config-invalid` where the port is taken
 */
export async function startMetrics({
  config,
  source,
  state,
  log,
}: {
  config: Config['metrics']
  source: Omit<StateSource, 'now'>
  state: boolean
  log: Log
}): Promise<RunningMetrics | null> {
  if (config === null) return null
  const register = new Registry()
  collectDefaultMetrics({ register })
  connectionMetrics(register, source.database)
  const refresh = state ? stateMetrics(register, { ...source, now: () => performance.now() }) : async () => undefined
  const server = createServer((request, response) => {
    const isAsked = request.method === 'GET' && request.url?.split('?')[0] === '/metrics'
    if (!isAsked) return void response.writeHead(404).end()
    refresh()
      .then(() => register.metrics())
      .then((text) => response.writeHead(200, { 'content-type': register.contentType }).end(text))
      .catch((error: unknown) => {
        log.warn({ error }, 'metrics not written')
        response.writeHead(500).end()
      })
  })
  try {
    await once(server.listen(config.port, config.host), 'listening')
  } catch (cause) {
    const fault = { pointer: 'BATON_METRICS_PORT', detail: `cannot be listened on: ${(cause as Error).message}` }
    throw new AppError('config-invalid', {}, { faults: [fault], cause })
  }
  const { port } = server.address() as AddressInfo
  const url = `http://${config.host}:${port}/metrics`
  log.info({ url }, 'metrics are served')
  return {
    url,
    requests: requestMeter(register),
    close: async () => {
      server.close()
      server.closeAllConnections()
      register.clear()
    },
  }
}
