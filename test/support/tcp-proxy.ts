import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface TcpProxy {
  /** The target's address, by way of the proxy. */
  readonly url: string
  /** Cuts the connections and takes no new ones, as when the target died. @param spared how many stay, oldest first */
  readonly cut: (spared?: number) => void
  /** Passes nothing on any more: connections stay, new ones are taken, and nobody answers. */
  readonly freeze: () => void
  readonly close: () => Promise<void>
}

/** A server that passes on whatever comes, until it is told otherwise. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const connections: Socket[] = []
  let isFrozen = false
  const server = createServer((near) => {
    connections.push(near.on('error', () => undefined))
    if (isFrozen) return
    const far = connect(Number(port), hostname).on('error', () => undefined)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.on('data', (bytes) => isFrozen || far.write(bytes))
    far.on('data', (bytes) => isFrozen || near.write(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closed = once(server, 'close')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = (spared = 0) => {
    server.close()
    for (const near of connections.slice(spared)) near.destroy()
  }
  return {
    url: url.href,
    cut,
    freeze: () => void (isFrozen = true),
    close: async () => {
      cut()
      await closed
    },
  }
}
