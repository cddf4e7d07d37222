import { createHash } from 'node:crypto'
import { AppError } from '@baton/contracts'
import type { RouteSpec } from '@baton/contracts'
import type { IfMatch } from '@baton/core'

/** The strong ETag of an answer: equal where its bytes are. */
export function etagOf(json: string): string {
  return `"${createHash('sha256').update(json).digest('base64url')}"`
}

/** Whether the caller has this answer already (If-None-Match, RFC 9110 13.1.2). */
export function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  return (
    ifNoneMatch !== undefined && names(ifNoneMatch).some((name) => name === '*' || name.replace(/^W\//, '') === etag)
  )
}

/**
 * What a verb asks before it changes something: whether the caller's If-Match names the state that it is in.
 *
 * @throws {AppError} `precondition-required` where a route needs the header and it is not there
 */
export function ifMatchOf(route: RouteSpec, header: string | undefined): IfMatch {
  if (!route.needsIfMatch) return () => undefined
  if (header === undefined) throw new AppError('precondition-required')
  const named = names(header)
  return (current) => {
    const etag = etagOf(JSON.stringify(current))
    if (!named.includes('*') && !named.includes(etag)) throw new AppError('precondition-failed', { etag })
  }
}

/** The ETags of a header. Ours hold no comma. */
function names(header: string): string[] {
  return header.split(',').map((name) => name.trim())
}
