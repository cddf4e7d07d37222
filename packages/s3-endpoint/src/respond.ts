import type { IncomingMessage, ServerResponse } from 'node:http'
import type { S3Error } from './errors.ts'
import type { S3Response } from './request.ts'
import { writeErrorXml } from './xml/write.ts'

/** A client that still sends when its answer is ready is read on for this much, so that it gets to see the answer. */
const drainMaxBytes = 16 * 1024 * 1024

/** Sends an answer; resolves once the last byte is handed over, rejects if the client leaves or a file fails. */
export async function respond(req: IncomingMessage, res: ServerResponse, response: S3Response): Promise<void> {
  for (const [name, value] of Object.entries(response.headers ?? {})) res.setHeader(name, value)
  if (response.stream !== undefined) return sendStream(res, response.status, response.stream)
  drain(req)
  if (response.document !== undefined) {
    res.setHeader('content-type', 'application/xml')
    res.setHeader('content-length', Buffer.byteLength(response.document))
  } else if (!res.hasHeader('content-length') && response.status !== 204 && response.status !== 304)
    res.setHeader('content-length', 0)
  res.writeHead(response.status)
  res.end(response.document)
}

/** The answer that an error makes; its text never holds more than the client sent or S3 documents. */
export function errorResponse(error: S3Error, ids: { resource: string; requestId: string }): S3Response {
  const document = writeErrorXml({
    Code: error.code,
    Message: error.message,
    ...error.details,
    Resource: ids.resource,
    RequestId: ids.requestId,
    HostId: 'baton',
  })
  return { status: error.status, document }
}

/** The first bytes are read before the head is sent: a file that cannot be opened is still an ordinary error. */
async function sendStream(res: ServerResponse, status: number, stream: AsyncIterable<Buffer>): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]()
  try {
    let next = await iterator.next()
    res.writeHead(status)
    for (; next.done !== true; next = await iterator.next()) {
      const chunk = next.value
      await handedOver(res, (done) => res.write(chunk, done))
    }
    await handedOver(res, (done) => res.end(done))
  } finally {
    await iterator.return?.()
  }
}

/** Resolves once the system has what `send` sends; rejects if the client leaves. */
function handedOver(res: ServerResponse, send: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new Error('the client left'))
    res.once('close', leave)
    send((error) => {
      res.off('close', leave)
      if (error) reject(error)
      else resolve()
    })
  })
}

function drain(req: IncomingMessage): void {
  if (req.complete) return
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > drainMaxBytes) req.destroy()
  })
  req.on('error', () => undefined)
}
