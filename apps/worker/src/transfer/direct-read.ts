import net from 'node:net'
import tls from 'node:tls'

/** Memory that is filled from its beginning. */
export interface Target {
  readonly buffer: Buffer
  /** Of the buffer's first bytes, how many are there. */
  filled: number
}

export interface DirectRead {
  readonly url: URL
  /** Of the object's bytes, the first that is asked for. All that `into` has room for are. */
  readonly start: number
  readonly into: Target
  readonly signal: AbortSignal
  /** For the whole exchange. */
  readonly timeoutMs: number
}

/**
 * Reads a range of an object from storage straight into memory that is there.
 *
 * Node's own client makes a buffer for each few kilobytes of an answer, which costs as much as hashing them. This one
 * knows only what storage answers with: HTTP/1.1, a body of a given length. Connections stay open for the next read.
 *
 * @returns The answer's status. With 200 and 206 its body is in `into`, which is not full where the answer was short;
 *   with others nothing is. Null: an answer of another form, of which nothing was taken; ask by other means
 * @throws {Error} of the connection; what came before it is in `into`
 */
export async function readDirectly(read: DirectRead): Promise<number | null> {
  const { origin } = read.url
  while (!unreadable.has(origin)) {
    read.signal.throwIfAborted()
    const { connection, isReused } = connectionTo(read.url)
    try {
      const status = await connection.exchange(read)
      if (status === null) unreadable.add(origin)
      return status
    } catch (error) {
      // It was idle for as long as the other side keeps one: nothing is wrong with storage.
      if (!isReused || connection.hasAnswered()) throw error
    }
  }
  return null
}

/** Origins that once answered in another form: it would cost a request each time. */
const unreadable = new Set<string>()
/** Idle connections, by origin. */
const idle = new Map<string, Connection[]>()
/** An answer's head is a kilobyte; what of the body comes with it is copied. */
const headBytes = 16 * 2 ** 10
const headEnd = Buffer.from('\r\n\r\n')

interface Connection {
  exchange(read: DirectRead): Promise<number | null>
  /** Whether any byte came since the last exchange began. */
  hasAnswered(): boolean
}

function connectionTo(url: URL): { connection: Connection; isReused: boolean } {
  const kept = idle.get(url.origin)?.pop()
  return kept ? { connection: kept, isReused: true } : { connection: connect(url), isReused: false }
}

/** An exchange under way. */
interface Exchange {
  readonly read: DirectRead
  /** Bytes of the body that are to come; null while the head is. */
  left: number | null
  status: number
  isKept: boolean
  readonly resolve: (status: number | null) => void
  readonly reject: (error: Error) => void
}

function connect(url: URL): Connection {
  const head = Buffer.allocUnsafeSlow(headBytes)
  let headFilled = 0
  let isAnswered = false
  let current: Exchange | null = null
  const socket = open(url, { buffer: () => room(), callback: (bytes) => take(bytes) })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 1000)
  socket.on('error', (error) => current?.reject(error))
  socket.on('close', () => {
    current?.reject(new Error('the answer was cut'))
    forget()
  })

  /** Where the next bytes go. Never empty, also when the socket is destroyed: TLS brings what it has until it is taken. */
  function room(): Buffer {
    if (typeof current?.left !== 'number') return head.subarray(headFilled)
    const { buffer, filled } = current.read.into
    return buffer.subarray(filled, filled + current.left)
  }

  /** So many bytes have come to where `room` said. */
  function take(bytes: number): boolean {
    isAnswered = true
    if (current === null) socket.destroy()
    else if (current.left === null) {
      headFilled += bytes
      takeHead(current)
    } else takeBody(current, bytes)
    return true
  }

  function takeHead(exchange: Exchange): void {
    const end = head.subarray(0, headFilled).indexOf(headEnd)
    if (end === -1) {
      if (headFilled === head.length) leave(exchange, null)
      return
    }
    const { into, start } = exchange.read
    const { status, length, isKept } = parseHead(head.toString('latin1', 0, end))
    const wanted = into.buffer.length - into.filled
    const isWhole = start === 0 && length === wanted
    const isAnswer = status === 206 || (status === 200 && isWhole)
    if (!isAnswer) return leave(exchange, status === 200 ? null : status)
    const inHead = headFilled - end - headEnd.length
    if (length === null || length > wanted || inHead > length) return leave(exchange, null)
    Object.assign(exchange, { status, isKept, left: length })
    head.copy(into.buffer, into.filled, end + headEnd.length, headFilled)
    takeBody(exchange, inHead)
  }

  function takeBody(exchange: Exchange, bytes: number): void {
    exchange.read.into.filled += bytes
    exchange.left! -= bytes
    if (exchange.left! > 0) return
    if (!exchange.isKept) return leave(exchange, exchange.status)
    keep()
    exchange.resolve(exchange.status)
  }

  /** Ends an exchange whose answer, or the rest of it, is not read. */
  function leave(exchange: Exchange, status: number | null): void {
    current = null
    headFilled = 0
    exchange.resolve(status)
    socket.destroy()
  }

  /** The next exchange may begin before this one's caller goes on. */
  function keep(): void {
    current = null
    headFilled = 0
    const others = idle.get(url.origin)
    if (others) others.push(connection)
    else idle.set(url.origin, [connection])
    // An idle connection keeps no process alive.
    socket.unref()
  }

  function forget(): void {
    const others = idle.get(url.origin)?.filter((other) => other !== connection) ?? []
    if (others.length > 0) idle.set(url.origin, others)
    else idle.delete(url.origin)
  }

  const connection: Connection = {
    hasAnswered: () => isAnswered,
    async exchange(read) {
      const { signal, timeoutMs } = read
      const stop = () => socket.destroy(new Error('it was called off'))
      const timer = setTimeout(() => socket.destroy(new Error('it took too long')), timeoutMs)
      signal.addEventListener('abort', stop)
      try {
        return await new Promise<number | null>((resolve, reject) => {
          current = { read, left: null, status: 0, isKept: false, resolve, reject }
          isAnswered = false
          socket.ref()
          if (socket.destroyed) reject(new Error('the connection was closed'))
          else socket.write(requestOf(read))
        })
      } finally {
        signal.removeEventListener('abort', stop)
        clearTimeout(timer)
      }
    },
  }
  return connection
}

function requestOf({ url, start, into }: DirectRead): string {
  const end = start + into.buffer.length - into.filled
  const headers = [`host: ${url.host}`, `range: bytes=${start}-${end - 1}`, 'accept-encoding: identity']
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
}

function open(url: URL, onread: net.OnReadOpts): net.Socket {
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const options = { host, port: Number(url.port) || (isSecure ? 443 : 80), onread }
  if (!isSecure) return net.connect(options)
  return tls.connect(net.isIP(host) ? options : { ...options, servername: host })
}

/** @returns `length`: null where the body has another end than a count of its bytes, or is encoded */
function parseHead(head: string): { status: number; length: number | null; isKept: boolean } {
  const [, minor, status] = /^HTTP\/1\.(\d) (\d{3})/.exec(head) ?? []
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  const isPlain = !/\r\n(transfer|content)-encoding:/i.test(head)
  return {
    status: Number(status ?? 0),
    length: length !== undefined && isPlain ? Number(length) : null,
    isKept: minor === '1' && !/\r\nconnection: *close/i.test(head),
  }
}
