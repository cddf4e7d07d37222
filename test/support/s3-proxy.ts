import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that passes every request on as it came, once `before` has let it. */
export async function startProxy(target: string, before: (req: IncomingMessage) => Promise<void>) {
  const { hostname, port } = new URL(target)
  const server = createServer((req, res) => {
    const pass = async () => {
      await before(req)
      const onward = request({ hostname, port, method: req.method, path: req.url, headers: req.headers })
      onward.on('error', () => res.destroy())
      onward.on('response', (answer) => {
        res.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(res)
      })
      req.pipe(onward)
    }
    void pass()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { pathname } = new URL(target)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname === '/' ? '' : pathname}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
