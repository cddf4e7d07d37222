import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

/**
 * Makes this process the only one that runs a server on the data directory, until it releases or dies.
 *
 * A listening socket is the lock: the system frees it with its process, even by kill -9, so none is ever stale.
 * On Linux it has a name and no file. Elsewhere its file stays behind and is removed when nobody listens.
 *
 * @throws {Error} naming the process that has the lock
 */
export async function lockDataDir(dataDir: string): Promise<{ release: () => void }> {
  const name = `baton-postgres-${createHash('sha256').update(dataDir).digest('hex').slice(0, 32)}`
  const address = process.platform === 'linux' ? `\0${name}` : path.join(tmpdir(), name)
  // Whoever finds it taken asks who we are.
  const server = net.createServer((socket) => socket.on('error', () => undefined).end(String(process.pid)))
  for (let isLastTry = false; ; isLastTry = true) {
    try {
      await once(server.listen(address), 'listening')
      server.unref()
      return { release: () => void server.close() }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      const holder = await askHolder(address)
      if (holder !== undefined || isLastTry)
        throw new Error(`the database in ${dataDir} is already run by process ${holder ?? 'unknown'}`, { cause: error })
      if (process.platform !== 'linux') rmSync(address, { force: true })
    }
  }
}

/** The process id that a lock's holder answers with; undefined when nobody is there. */
async function askHolder(address: string): Promise<string | undefined> {
  const socket = net.connect(address)
  let pid = ''
  socket.setEncoding('utf8').on('data', (text) => (pid += String(text)))
  return new Promise((resolve) => {
    socket.on('error', () => resolve(undefined))
    socket.on('end', () => resolve(pid))
  })
}
