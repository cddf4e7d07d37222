import { AppError } from '@baton/contracts'
import { canonicalJson, sha256 } from '@baton/core'
import type { Database } from '@baton/db'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * Runs a POST once for each Idempotency-Key and caller; the same request again gets the first one's answer
 * (draft-ietf-httpapi-idempotency-key-header-07). A refused request lets its key go: it changed nothing.
 *
 * @throws {AppError} `idempotency-key-reused` for another request under the key, `idempotency-in-flight`
 */
export async function once(
  { idempotency }: Pick<Database, 'idempotency'>,
  request: { tokenId: string; key: string; url: string; body: unknown },
  run: () => Promise<Answer>,
): Promise<Answer> {
  const { tokenId, key } = request
  if (key.length === 0 || key.length > 255)
    throw new AppError('request-invalid', {}, { detail: 'Idempotency-Key has 1 to 255 characters' })
  const fingerprint = sha256(`${request.url}\n${canonicalJson(request.body ?? null)}`)
  const before = await idempotency.begin(tokenId, key, fingerprint)
  if (before !== null) {
    if (before.fingerprint !== fingerprint) throw new AppError('idempotency-key-reused')
    if (before.answer === null) throw new AppError('idempotency-in-flight')
    return before.answer
  }
  try {
    const answer = await run()
    await idempotency.finish(tokenId, key, answer)
    return answer
  } catch (error) {
    await idempotency.release(tokenId, key)
    throw error
  }
}
