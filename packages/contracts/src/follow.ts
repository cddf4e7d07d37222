import type { z } from 'zod'
import { createFrameReader } from './event-stream.ts'
import type { StreamFrame, StreamItem } from './event-stream.ts'
import { AppError, isAppError, problems } from './problems.ts'

/** The server says something every ten seconds; a connection this silent is dead without having said so. */
const silenceMs = 45_000
/** Pause before coming back, until the server names its own. */
const defaultRetryMs = 1_000

export interface FollowOptions {
  /**
   * Opens the stream after a place, or with what comes from now on where it is null.
   * @throws {AppError}
   */
  readonly open: (after: number | null, signal: AbortSignal) => Promise<Response>
  /** Makes the error of a frame that says why the stream ends. */
  readonly problemOf: (data: string) => AppError
  readonly item: z.ZodType
  readonly after: number | null
  readonly signal?: AbortSignal | undefined
  /** Told each time that the stream broke and will be tried again. */
  readonly onRetry?: ((problem: AppError) => void) | undefined
}

/**
 * Follows a stream for as long as it is wanted. A connection that breaks is made again from the last place, so every
 * item comes once. What trying again cannot mend is thrown: a token that is not good any more, a thing that is gone.
 *
 * Nothing is read ahead of the reader: a slow one holds the server back, which has bounds of its own.
 *
 * @throws {AppError}
 */
export async function* follow(options: FollowOptions): AsyncGenerator<StreamItem<unknown>, never> {
  let place = options.after
  let retryMs = defaultRetryMs
  for (;;) {
    try {
      for await (const frame of framesOf(options, place)) {
        retryMs = frame.retryMs ?? retryMs
        if (frame.event === 'problem') throw options.problemOf(frame.data)
        if (frame.id !== undefined) place = Number(frame.id)
        if (frame.data !== '') yield { place: place ?? 0, data: options.item.parse(JSON.parse(frame.data)) }
      }
      throw new AppError('unavailable', {}, { detail: 'the stream ended' })
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!isAppError(error) || !problems[error.code].retryable) throw error
      options.onRetry?.(error)
    }
    await pause(retryMs * (1 + Math.random() / 2), options.signal)
  }
}

async function* framesOf({ open, signal }: FollowOptions, after: number | null): AsyncGenerator<StreamFrame> {
  const ended = new AbortController()
  const end = () => ended.abort(signal?.reason)
  signal?.throwIfAborted()
  signal?.addEventListener('abort', end, { once: true })
  try {
    const response = await audible(ended, open(after, ended.signal))
    const body = (response.body as ReadableStream<Uint8Array>).getReader()
    const read = createFrameReader()
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = await audible(ended, body.read())
      if (done) return
      yield* read(decoder.decode(value, { stream: true }))
    }
  } catch (cause) {
    if (isAppError(cause)) throw cause
    throw new AppError('unavailable', {}, { detail: 'the stream broke off', cause })
  } finally {
    signal?.removeEventListener('abort', end)
    ended.abort()
  }
}

/** Ends the connection if it is silent for too long. */
async function audible<T>(connection: AbortController, next: Promise<T>): Promise<T> {
  const timer = setTimeout(() => connection.abort(), silenceMs)
  return next.finally(() => clearTimeout(timer))
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end)
      resolve()
    }, ms)
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted) end()
  })
}
