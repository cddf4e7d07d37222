import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'

/** Takes a request whole, outside of REST: the embedded S3, Telegram's webhook. */
export type Mount = (request: IncomingMessage, response: ServerResponse) => void

/** The body of a large object may take an hour over a notebook's uplink. */
const requestTimeoutMs = 3_600_000
/** How often connections are looked at that take too long. */
const checkMs = 10_000

/**
 * Serves other handlers beside REST on one address, so that a laptop behind one tunnel exposes one URL. They get the
 * raw request: body parsing and limits of REST do not apply to objects of gigabytes.
 *
 * @param mounts Handlers by path prefix, e.g. `/s3`.
 * @param headersMs How long a request's headers may take.
 */
export function sameOrigin(mounts: ReadonlyMap<string, Mount>, headersMs: number): (rest: RequestListener) => Server {
  return (rest) => {
    const dispatch: Mount = (request, response) => {
      const path = (request.url ?? '/').split(/[?#]/, 1)[0]!
      const mount = mounts.get(`/${path.split('/', 2)[1] ?? ''}`)
      if (mount) mount(request, response)
      else rest(request, response)
    }
    const server = createServer(
      {
        noDelay: true,
        headersTimeout: headersMs,
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.min(checkMs, headersMs),
      },
      dispatch,
    )
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue()
      dispatch(request, response)
    })
    return server
  }
}
