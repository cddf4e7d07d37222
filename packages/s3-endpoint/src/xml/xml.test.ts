import { expect, test } from 'vitest'
import { S3Error } from '../errors.ts'
import { childrenOf, parseXml, textOf } from './parse.ts'
import { writeErrorXml, writeXml } from './write.ts'

test('a document is read whatever its namespace and spaces', () => {
  const root = parseXml(
    `<?xml version="1.0"?><s3:Delete xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">
      <s3:Object><s3:Key> a&amp;b &#233;<![CDATA[<x>]]></s3:Key></s3:Object><Object><Key></Key></Object>
    </s3:Delete>`,
    'Delete',
  )
  expect(childrenOf(root, 'Object').map((object) => textOf(object, 'Key'))).toEqual([' a&b é<x>', ''])
  expect(textOf(root, 'Quiet')).toBeUndefined()
})

test.each([
  '',
  'plain text',
  '<Delete>',
  '<Delete></Deleted>',
  '<Other/>',
  '<Delete/><Delete/>',
  '<Delete>&nothing;</Delete>',
  '<Delete>&#0;</Delete>',
  '<Delete><Key>\u0000</Key></Delete>',
  '<!DOCTYPE Delete [<!ENTITY x "y">]><Delete>&x;</Delete>',
  '<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>',
  `<Delete>${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}</Delete>`,
  '<Delete a="1" a="2"/>',
])('what is no such document is refused: %s', (source) => {
  expect(() => parseXml(source, 'Delete')).toThrow(S3Error)
})

test('a field that stands twice is refused', () => {
  const root = parseXml('<Part><ETag>a</ETag><ETag>b</ETag></Part>', 'Part')
  expect(() => textOf(root, 'ETag')).toThrow(S3Error)
})

test('what is written can be read back, control characters escaped', () => {
  const document = writeXml('Delete', {
    Object: [{ Key: 'a<b>&"c\r\n' }, { Key: 'é' }],
    None: undefined,
    Size: 5,
    At: new Date(0),
    Flag: false,
  })
  const root = parseXml(document, 'Delete')
  expect(childrenOf(root, 'Object').map((object) => textOf(object, 'Key'))).toEqual(['a<b>&"c\r\n', 'é'])
  expect(root.children.slice(2).map(({ name, text }) => [name, text])).toEqual([
    ['Size', '5'],
    ['At', '1970-01-01T00:00:00.000Z'],
    ['Flag', 'false'],
  ])
  expect(writeErrorXml({ Key: '\u0001' })).toContain('<Key>&#1;</Key>')
})
