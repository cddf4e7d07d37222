import { expect, test } from 'vitest'
import type { S3Error } from '../errors.ts'
import { readTagDocument, readTagHeader } from './tags.ts'

function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return (error as S3Error).code
  }
}

test.each([
  ['', {}],
  ['a=1&b=', { a: '1', b: '' }],
  ['a%20b=c+d', { 'a b': 'c d' }],
  ['__proto__=x', JSON.parse('{"__proto__":"x"}') as object],
  ['a=1&a=2', 'InvalidArgument'],
  ['=1', 'InvalidArgument'],
  ['a%', 'InvalidArgument'],
  ['a=%00', 'InvalidTag'],
  ['a!=1', 'InvalidTag'],
  [`${'k'.repeat(129)}=1`, 'InvalidTag'],
  [Array.from({ length: 11 }, (_, i) => `k${i}=v`).join('&'), 'BadRequest'],
])('the header %j holds %j', (header, expected) => {
  expect(outcome(() => readTagHeader(new Map([['x-amz-tagging', header]])))).toEqual(expected)
})

const tag = (key: string, value = 'v') => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`

test.each([
  [`<Tagging><TagSet>${tag('a')}${tag('b')}</TagSet></Tagging>`, { a: 'v', b: 'v' }],
  ['<Tagging><TagSet/></Tagging>', {}],
  ['<Tagging/>', 'MalformedXML'],
  ['<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>', 'MalformedXML'],
  [`<Tagging><TagSet>${tag('a')}${tag('a')}</TagSet></Tagging>`, 'InvalidTag'],
  [`<Tagging><TagSet>${tag('')}</TagSet></Tagging>`, 'InvalidTag'],
])('the document %s holds %j', (source, expected) => {
  expect(outcome(() => readTagDocument(source, 'object'))).toEqual(expected)
})
