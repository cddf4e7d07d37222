import { S3Error, invalidArgument } from '../errors.ts'
import type { Headers } from '../headers.ts'
import { childrenOf, parseXml, textOf } from '../xml/parse.ts'
import type { Element } from '../xml/parse.ts'

export type Tags = Readonly<Record<string, string>>

const objectTagsMax = 10
const keyMax = 128
const valueMax = 256
const allowed = /^[\p{L}\p{N}\p{Zs}+\-=._:/@]*$/u

/**
 * Tags of an `x-amz-tagging` header: `key=value` pairs, encoded like a query.
 * @throws {S3Error} `InvalidArgument`, `InvalidTag`, `BadRequest`
 */
export function readTagHeader(headers: Headers): Tags {
  const text = headers.get('x-amz-tagging') ?? ''
  const pairs = text.split('&').filter((pair) => pair !== '')
  const decoded = pairs.map((pair) => {
    const [key, ...rest] = pair.split('=').map(decodeForm)
    return [key!, rest.join('=')] as const
  })
  const keys = new Set(decoded.map(([key]) => key))
  if (keys.has('') || keys.size < decoded.length) throw badTagHeader(text)
  return checkTags(decoded, objectTagsMax, 'Object tags cannot be greater than 10')
}

/**
 * Tags of a `Tagging` document.
 * @throws {S3Error} `MalformedXML`, `InvalidTag`, `BadRequest`
 */
export function readTagDocument(source: string, kind: 'object' | 'bucket'): Tags {
  const sets = childrenOf(parseXml(source, 'Tagging'), 'TagSet')
  if (sets.length !== 1) throw new S3Error('MalformedXML')
  return readTagSet(sets[0]!, kind)
}

/**
 * Tags of an element that holds `Tag` elements.
 * @throws {S3Error} `MalformedXML`, `InvalidTag`, `BadRequest`
 */
export function readTagSet(set: Element, kind: 'object' | 'bucket'): Tags {
  const pairs = childrenOf(set, 'Tag').map((tag) => {
    const [key, value] = [textOf(tag, 'Key'), textOf(tag, 'Value')]
    if (key === undefined || value === undefined) throw new S3Error('MalformedXML')
    return [key, value] as const
  })
  return kind === 'object'
    ? checkTags(pairs, objectTagsMax, 'Object tags cannot be greater than 10')
    : checkTags(pairs, 50, 'Bucket tag count cannot be greater than 50')
}

/** Elements of the `Tagging` document that answers a question for tags. */
export function tagElements(tags: Tags) {
  return { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } }
}

function checkTags(pairs: readonly (readonly [string, string])[], max: number, tooMany: string): Tags {
  if (pairs.length > max) throw new S3Error('BadRequest', {}, tooMany)
  const tags = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (key === '' || key.length > keyMax || !allowed.test(key)) throw new S3Error('InvalidTag', { TagKey: key })
    if (value.length > valueMax || !allowed.test(value))
      throw new S3Error('InvalidTag', { TagKey: key, TagValue: value }, 'The TagValue you have provided is invalid')
    if (tags.has(key))
      throw new S3Error('InvalidTag', { TagKey: key }, 'Cannot provide multiple Tags with the same key')
    tags.set(key, value)
  }
  return Object.fromEntries(tags)
}

function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw badTagHeader(text)
  }
}

function badTagHeader(text: string): S3Error {
  return invalidArgument(
    'x-amz-tagging',
    text,
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
  )
}
