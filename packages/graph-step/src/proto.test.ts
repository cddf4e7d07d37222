import { expect, test } from 'vitest'
import { attrValue, savedModel } from './proto.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

// Written by hand after https://protobuf.dev/programming-guides/encoding: field 3 varint is 18, field 4 fixed32 is 25.
test.each<[what: string, bytes: Uint8Array, expected: string]>([
  ['150', attrValue.integer(150), '189601'],
  ['a negative number, as 64 bits', attrValue.integer(-1), '18ffffffffffffffffff01'],
  ['a float, little-endian', attrValue.float(1), '250000803f'],
  ['true', attrValue.bool(true), '2801'],
  ['a string', attrValue.string('NHWC'), '12044e485743'],
  ['a type', attrValue.type(1), '3001'],
  ['a shape', attrValue.shape([2, 3]), '3a08120208021202080' + '3'],
  ['a list of integers', attrValue.integers([1, 2]), '0a0418011802'],
  ['a tensor', attrValue.tensor('uint8', [1], Uint8Array.of(7)), '420b0804120412020801220107'],
])('%s is written as protobuf has it', (_what, bytes, expected) => {
  expect(hex(bytes)).toBe(expected)
})

test('a graph is one of a saved model, for serving', () => {
  const bytes = savedModel([{ name: 'a', op: 'NoOp', inputs: ['^b'], attributes: {} }])
  expect(hex(bytes)).toBe(
    '0801121f' + '0a0722057365727665' + '1214' + '0a0d0a01611204' + '4e6f4f701a025e62' + '220308f30a',
  )
})
