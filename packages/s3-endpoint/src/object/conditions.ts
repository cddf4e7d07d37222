import { S3Error, notImplemented } from '../errors.ts'
import type { Headers } from '../headers.ts'
import type { DeleteCondition, WriteCondition } from './record.ts'

interface Version {
  readonly etag: string
  readonly modifiedAt: Date
}

/**
 * Checks the conditions of a read in the order of RFC 9110, section 13.2.2.
 * @param prefix `x-amz-copy-source-` for the source of a copy.
 * @returns Whether the client already holds this version (a 304).
 * @throws {S3Error} `PreconditionFailed`
 */
export function isNotModified(headers: Headers, version: Version, nowMs: number, prefix = ''): boolean {
  const ifMatch = headers.get(`${prefix}if-match`)
  const unmodifiedSince = readDate(headers.get(`${prefix}if-unmodified-since`), nowMs)
  const ifNoneMatch = headers.get(`${prefix}if-none-match`)
  const modifiedSince = readDate(headers.get(`${prefix}if-modified-since`), nowMs)
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, version.etag)) throw new S3Error('PreconditionFailed', { Condition: 'If-Match' })
  } else if (unmodifiedSince !== undefined && seconds(version.modifiedAt) > unmodifiedSince)
    throw new S3Error('PreconditionFailed', { Condition: 'If-Unmodified-Since' })
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, version.etag)
  return modifiedSince !== undefined && seconds(version.modifiedAt) <= modifiedSince
}

/**
 * The condition of a write. S3 knows two: nothing is there (`If-None-Match: *`), or what is there has this ETag.
 * @throws {S3Error} `NotImplemented` for any other, as on Amazon S3
 */
export function readWriteCondition(headers: Headers): WriteCondition {
  const ifMatch = headers.get('if-match')
  const ifNoneMatch = headers.get('if-none-match')
  if (ifMatch !== undefined && ifNoneMatch !== undefined) throw notImplemented('If-Match')
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch !== '*') throw notImplemented('If-None-Match')
    return { kind: 'absent' }
  }
  return ifMatch === undefined ? { kind: 'any' } : { kind: 'match', etag: unquote(ifMatch) }
}

/** The conditions of a deletion; `*` and what cannot be read hold for any object. */
export function readDeleteCondition(headers: Headers): DeleteCondition {
  const etag = headers.get('if-match')
  const size = headers.get('x-amz-if-match-size')
  const modifiedAt = Date.parse(headers.get('x-amz-if-match-last-modified-time') ?? '')
  return {
    etag: etag === undefined || etag === '*' ? undefined : unquote(etag),
    sizeBytes: size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : undefined,
    modifiedAt: Number.isNaN(modifiedAt) ? undefined : new Date(modifiedAt),
  }
}

/** An ETag without the quotes that HTTP puts around it. */
export function unquote(etag: string): string {
  return etag.trim().replace(/^"(.*)"$/, '$1')
}

function matches(list: string, etag: string): boolean {
  return list.split(',').some((item) => item.trim() === '*' || unquote(item) === etag)
}

/** Seconds since the epoch. A date in the future and one that cannot be read say nothing. */
function readDate(text: string | undefined, nowMs: number): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) || ms > nowMs ? undefined : ms / 1000
}

/** HTTP dates have whole seconds, so an object's time is compared as its Last-Modified header shows it. */
const seconds = (date: Date) => Math.floor(date.getTime() / 1000)
