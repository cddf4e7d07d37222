import { AppError } from '@baton/contracts'

export interface StorageRequest {
  readonly method?: 'GET' | 'PUT'
  readonly headers?: Record<string, string>
  readonly body?: ReadableStream<Uint8Array> | Uint8Array
  readonly signal: AbortSignal
  /** For the whole exchange, body included. */
  readonly timeoutMs: number
}

export interface StorageResponse {
  readonly status: number
  readonly chunks: AsyncIterable<Uint8Array>
  /** Reads the body to its end, so that the connection can be used again. */
  discard(): Promise<void>
}

/**
 * One exchange with storage. No answer, a cut one and one that takes too long are all `storage-unavailable`, whose
 * detail never holds the address: it is a credential.
 */
export async function storageFetch(url: string, request: StorageRequest): Promise<StorageResponse> {
  const { timeoutMs, signal, ...init } = request
  const together = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  // `duplex` is what Node asks of a request whose body is a stream.
  const response = await fetch(url, { ...init, signal: together, duplex: 'half' }).catch(unavailable(signal))
  const chunks = chunksOf(response, signal)
  return {
    status: response.status,
    chunks,
    async discard() {
      for await (const _ of chunks);
    },
  }
}

async function* chunksOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const body: ReadableStream<Uint8Array> | null = response.body
  const reader = body?.getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(unavailable(signal))
      if (done) return
      yield value
    }
  } finally {
    // The body was left before its end: let the connection go.
    reader.cancel().catch(() => undefined)
  }
}

function unavailable(signal: AbortSignal): (cause: unknown) => never {
  return (cause) => {
    signal.throwIfAborted()
    throw new AppError('storage-unavailable', {}, { detail: `storage did not answer: ${wordsOf(cause)}` })
  }
}

/** What broke: `fetch failed` says nothing, its cause's code does. */
function wordsOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined
  return cause?.code ?? (error instanceof Error ? error.message : 'unknown')
}
