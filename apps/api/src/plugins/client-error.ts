import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, problems } from '@baton/contracts'
import { problemOf } from './problem.ts'

/** Answers what never became a request: broken, with too many headers, or too slow. The connection ends with it. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // Nobody listens any more.
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) return void socket.destroy()
  const known = expected(error)
  const { status } = problems[known.code]
  const body = JSON.stringify(problemOf(known, randomUUID()))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function expected({ code }: { code?: string }): AppError {
  if (code === 'HPE_HEADER_OVERFLOW') return new AppError('headers-too-large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AppError('request-too-slow')
  return new AppError('request-invalid', {}, { detail: 'this is not HTTP/1.1' })
}
