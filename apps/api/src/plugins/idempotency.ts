import { AppError } from '@baton/contracts'
import { canonicalJson, sha256 } from '@baton/core'
import type { Database } from '@baton/db'
import { storable } from './storable.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** It was given before, to the first request with the same Idempotency-Key. */
  readonly isReplay?: true
}

/**
 * Runs a POST once for each Idempotency-Key and caller; the same request again gets the first one's answer
 * (draft-ietf-httpapi-idempotency-key-header-07). A refused request lets its key go: it changed nothing, and whoever
 * mends what was missing sends the same again.
 *
 * A process that dies between doing and answering leaves its key unanswered; after a while the same request is run
 * again. `run` gets an id that names the request then too, for what must not be made twice.
 *
 * @throws {AppError} `idempotency-key-reused` for another request under the key, `idempotency-in-flight`;
 *   `request-invalid` for a body that is nested too deeply
 */
export async function once(
  { idempotency }: Pick<Database, 'idempotency'>,
  request: { tokenId: string; key: string; method: string; url: string; body: unknown },
  run: (requestId: string) => Promise<Answer>,
): Promise<Answer> {
  const { tokenId, key } = request
  if (key.length === 0 || key.length > 255)
    throw new AppError('request-invalid', {}, { detail: 'Idempotency-Key has 1 to 255 characters' })
  const fingerprint = sha256(`${request.method} ${request.url}\n${canonicalJson(storable(request.body ?? null))}`)
  const before = await idempotency.begin(tokenId, key, fingerprint)
  if (before !== null) {
    if (before.fingerprint !== fingerprint) throw new AppError('idempotency-key-reused')
    if (before.answer === null) throw new AppError('idempotency-in-flight', { retryAfterSeconds: 1 })
    return { ...before.answer, isReplay: true }
  }
  try {
    const answer = await run(uuidOf(`${tokenId}\n${key}\n${fingerprint}`))
    await idempotency.finish(tokenId, key, answer)
    return answer
  } catch (error) {
    await idempotency.release(tokenId, key)
    throw error
  }
}

/** A UUID (version 8: of the application's own making) that is a function of the name. */
function uuidOf(name: string): string {
  const hex = sha256(name)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
