import http from 'node:http'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { AppError } from '@baton/contracts'

export interface StorageRequest {
  readonly method?: 'GET' | 'PUT'
  readonly headers?: Record<string, string>
  readonly body?: Readable
  readonly signal: AbortSignal
  /** For the whole exchange, body included. */
  readonly timeoutMs: number
}

export interface StorageResponse {
  readonly status: number
  /** Takes the body as it comes, to its end. @throws {AppError} `storage-unavailable` when it is cut */
  read(take: (chunk: Buffer) => void): Promise<void>
  /** Reads the body to its end, so that the connection can be used again. */
  discard(): Promise<void>
}

/** Connections stay open for the next exchange: thousands of small objects come over a few of them. */
const keepAlive = { keepAlive: true, scheduling: 'lifo' } as const
const secure = { client: https, agent: new https.Agent(keepAlive) }
const plain = { client: http, agent: new http.Agent(keepAlive) }

/**
 * One exchange with storage. No answer, a cut one and one that takes too long are all `storage-unavailable`, whose
 * detail never holds the address: it is a credential.
 */
export async function storageFetch(url: string, request: StorageRequest): Promise<StorageResponse> {
  request.signal.throwIfAborted()
  const response = await exchange(url, request).catch(unavailable(request.signal))
  const read = (take: (chunk: Buffer) => void) => readBody(response, take).catch(unavailable(request.signal))
  return { status: response.statusCode!, read, discard: () => read(() => undefined) }
}

function exchange(url: string, request: StorageRequest): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, signal, timeoutMs } = request
  const { client, agent } = url.startsWith('https:') ? secure : plain
  return new Promise((resolve, reject) => {
    const outgoing = client.request(url, { method, headers, agent, signal })
    const timer = setTimeout(() => outgoing.destroy(new Error('it took too long')), timeoutMs)
    outgoing.once('close', () => clearTimeout(timer))
    outgoing.once('response', resolve)
    outgoing.on('error', (error) => {
      // A connection that was idle for as long as the other side keeps one: nothing is wrong with storage.
      if (outgoing.reusedSocket && isReset(error) && !body && !signal.aborted) resolve(exchange(url, request))
      else reject(error)
    })
    if (body) pipeline(body, outgoing, () => undefined)
    else outgoing.end()
  })
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

function readBody(response: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    response.on('data', take)
    response.once('end', resolve)
    response.once('error', reject)
    response.once('close', () => reject(new Error('the answer was cut')))
  })
}

/** What an answer of this status is, where it is not the one that was asked for. */
export function refused(status: number): AppError {
  return new AppError('storage-unavailable', { status }, { detail: `storage answered ${status}` })
}

/** What a failed exchange is: `storage-unavailable`, but where the signal ended it. */
export function unavailable(signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted()
    throw new AppError('storage-unavailable', {}, { detail: `storage did not answer: ${wordsOf(cause)}` })
  }
}

/** What broke: the code says more than the message does. */
function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
