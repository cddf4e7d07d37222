import { invalidArgument } from '../errors.ts'
import type { Query } from '../query.ts'
import { encodePath } from '../uri.ts'

/** What every listing may be asked. */
export interface ListParameters {
  readonly prefix: string
  readonly delimiter: string
  /** Entries a page, 0 to 1,000; asking for more gets 1,000. */
  readonly max: number
  /** How names are written: percent-encoded where the client asked for it. */
  readonly encode: (name: string) => string
  readonly encodingType: 'url' | undefined
}

const pageMax = 1000

/**
 * @param limiter Name of the parameter that bounds a page.
 * @throws {S3Error} `InvalidArgument`
 */
export function readListParameters(query: Query, limiter: string): ListParameters {
  const encodingType = query.get('encoding-type')
  if (encodingType !== undefined && encodingType !== 'url')
    throw invalidArgument('encoding-type', encodingType, 'Invalid Encoding Method specified in Request')
  const delimiter = query.get('delimiter') ?? ''
  if (delimiter.endsWith('\u{10ffff}')) throw invalidArgument('delimiter', delimiter, 'Invalid delimiter.')
  return {
    prefix: query.get('prefix') ?? '',
    delimiter,
    max: Math.min(pageMax, readCount(query, limiter) ?? pageMax),
    encode: encodingType === 'url' ? encodePath : (name) => name,
    encodingType,
  }
}

/** @throws {S3Error} `InvalidArgument` unless it is absent, empty, or an integer from 0 to 2^31 - 1 */
export function readCount(query: Query, name: string): number | undefined {
  const text = query.get(name)
  if (text === undefined || text === '') return undefined
  const count = Number(text)
  if (!/^[-+]?\d{1,10}$/.test(text) || Math.abs(count) > 2 ** 31 - 1)
    throw invalidArgument(name, text, `Provided ${text} not an integer or within integer range`)
  if (count < 0) throw invalidArgument(name, text, `Argument ${text} must be an integer between 0 and 2147483647`)
  return count
}
