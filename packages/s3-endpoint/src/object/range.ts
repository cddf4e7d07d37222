import { S3Error, invalidArgument, invalidRequest } from '../errors.ts'
import type { S3Request } from '../request.ts'
import { unquote } from './conditions.ts'
import type { ObjectRecord } from './record.ts'

/** Bytes first to last, both included and 0-based; an empty object's whole is first 0, last -1. */
export interface Range {
  readonly first: number
  readonly last: number
}

/** Which bytes a read asks for, and whether it asked for a part of the object. */
export interface Selection extends Range {
  readonly partial: boolean
}

/**
 * The bytes that a GET or HEAD asks for, by `Range` or by `partNumber`.
 * @throws {S3Error} `InvalidRange`, `InvalidPartNumber`, `InvalidArgument`, `InvalidRequest`
 */
export function selectBytes(request: S3Request, object: ObjectRecord): Selection {
  const range = isSameVersion(request.headers.get('if-range'), object) ? request.headers.get('range') : undefined
  const part = readPartAsked(request)
  if (part !== undefined) return selectPart(part, object)
  const selected = range === undefined ? null : readRange(range, object.sizeBytes)
  return selected === null ? { ...whole(object), partial: false } : { ...selected, partial: true }
}

/**
 * Whether a client that goes on with a download may: it names the version of which it has the beginning (RFC 9110, 13.1.5).
 * A date is exact here, and one that is not right gets the whole object.
 */
function isSameVersion(ifRange: string | undefined, { etag, modifiedAt }: ObjectRecord): boolean {
  return ifRange === undefined || unquote(ifRange) === etag || ifRange === modifiedAt.toUTCString()
}

/**
 * The part that a GET or HEAD asks for, if any: what is wrong with the question is said before the object is looked up.
 * @throws {S3Error} `InvalidArgument`, `InvalidRequest`
 */
export function readPartAsked({ headers, query }: S3Request): number | undefined {
  const part = query.get('partNumber')
  if (part === undefined) return undefined
  if (headers.has('range')) throw invalidRequest('Cannot specify both Range header and partNumber query parameter')
  return readPartNumber(part)
}

/** @throws {S3Error} `InvalidArgument` unless it is an integer from 1 to 10,000 */
export function readPartNumber(text: string | undefined): number {
  const number = Number(text)
  if (text !== undefined && /^\d{1,5}$/.test(text) && number >= 1 && number <= 10_000) return number
  throw invalidArgument('partNumber', text, 'Part number must be an integer between 1 and 10000, inclusive.')
}

/**
 * One range of bytes, clipped to the object; null for what S3 ignores: another unit, several ranges, nonsense.
 * @throws {S3Error} `InvalidRange` where no byte of the object lies in it
 */
function readRange(text: string, sizeBytes: number): Range | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text)
  if (match === null || (match[1] === '' && match[2] === '')) return null
  const [from, to] = [match[1] === '' ? null : Number(match[1]), match[2] === '' ? null : Number(match[2])]
  if (from !== null && to !== null && to < from) return null
  // The last bytes of nothing are nothing: S3 answers with the whole, empty object.
  if (from === null && to! > 0 && sizeBytes === 0) return null
  const first = from ?? Math.max(0, sizeBytes - to!)
  const last = from === null || to === null ? sizeBytes - 1 : Math.min(to, sizeBytes - 1)
  if (first > last) throw new S3Error('InvalidRange', { RangeRequested: text, ActualObjectSize: sizeBytes })
  return { first, last }
}

function selectPart(number: number, object: ObjectRecord): Selection {
  const parts = object.sizes.length
  if (number > parts) throw new S3Error('InvalidPartNumber', { ActualPartCount: parts, PartNumberRequested: number })
  const first = object.sizes.slice(0, number - 1).reduce((sum, size) => sum + size, 0)
  return { first, last: first + object.sizes[number - 1]! - 1, partial: object.sizeBytes > 0 }
}

const whole = ({ sizeBytes }: ObjectRecord): Range => ({ first: 0, last: sizeBytes - 1 })
