import type { ServerResponse } from 'node:http'
import { AppError, frameOf, isAppError } from '@baton/contracts'
import type { Following } from '@baton/core'
import type { FastifyBaseLogger } from 'fastify'
import { problemOf } from './problem.ts'

/** A sign of life, and the moment to ask whether the caller may still listen. Proxies cut what is silent for longer. */
const pulseMs = 5_000
/** A reader that takes nothing for so long is gone, or never meant to read. */
const slowMs = 30_000
/** What clients wait before they come back. */
const retryMs = 1_000

export interface StreamOptions {
  /** Names the request in the problem that a stream may end with. */
  readonly instance: string
  /** Begins following; the signal ends it. */
  readonly open: (signal: AbortSignal) => Promise<Following<unknown>>
  /** Throws what the caller is told when they may not listen any more. */
  readonly recheck: () => Promise<unknown>
  /** Aborts when the caller hangs up or the server closes. */
  readonly signal: AbortSignal
  readonly log: Pick<FastifyBaseLogger, 'info'>
}

/**
 * Answers with server-sent events until one side ends it: first the place where it begins, then an event for each item
 * with its place as id. One who comes back with an id gets what follows it.
 *
 * What the reader has not taken is bounded by the socket's buffer, since nothing is written while it is full. Whatever
 * ends a stream but the reader itself is told in a last event named `problem`.
 *
 * @throws {AppError} what `open` throws, before anything was written
 */
export async function sendStream(response: ServerResponse, options: StreamOptions): Promise<void> {
  const { instance, open, recheck, signal, log } = options
  const ended = new AbortController()
  const end = (reason: unknown) => ended.abort(reason)
  const stop = () => end(new AppError('unavailable', {}, { detail: 'the server is closing' }))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const { place, items } = await open(ended.signal)
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Proxies like nginx would keep events to themselves until there are enough.
    'x-accel-buffering': 'no',
  })
  let fullSinceMs: number | null = null
  const write = (text: string) => {
    if (!response.write(text)) fullSinceMs ??= performance.now()
  }
  response.on('drain', () => (fullSinceMs = null))
  const pulse = setInterval(() => {
    if (fullSinceMs === null) write(':\n\n')
    else if (performance.now() - fullSinceMs >= slowMs)
      end(new AppError('unavailable', {}, { detail: `nothing was read for ${slowMs / 1000} seconds` }))
    recheck().catch(end)
  }, pulseMs)
  try {
    write(frameOf({ retryMs, id: String(place) }))
    for await (const item of items) {
      write(frameOf({ id: String(item.place), data: JSON.stringify(item.data) }))
      if (fullSinceMs !== null) await drained(response, ended.signal)
    }
  } catch (error) {
    end(error)
  } finally {
    clearInterval(pulse)
    signal.removeEventListener('abort', stop)
    end(undefined)
  }
  if (response.destroyed) return
  const problem = toProblem(ended.signal.reason)
  log.info({ code: problem.code, detail: problem.detail }, 'stream ended')
  response.end(frameOf({ event: 'problem', data: JSON.stringify(problemOf(problem, instance)) }))
  // One who does not read does not read this either.
  setTimeout(() => response.destroy(), pulseMs).unref()
}

function toProblem(reason: unknown): AppError {
  return isAppError(reason) ? reason : new AppError('unavailable', {}, { cause: reason })
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
    signal.addEventListener('abort', done)
  })
}
