import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import digests from './fixtures/halves.json' with { type: 'json' }
import { decode, encode, SafetensorsError } from './index.ts'

const fixture = readFileSync(new URL('./fixtures/mixed.safetensors', import.meta.url))

/** A file with this header and so many zero bytes after it. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
})

test('a file of the reference implementation reads as the values it was made from', () => {
  const { tensors, metadata } = decode(fixture)
  expect(metadata).toEqual(new Map([['format', 'quoted "text"']]))
  expect(tensors).toEqual(
    new Map(
      Object.entries({
        'z/kernel': { shape: [2, 3], data: Float32Array.of(-0.5, -0.25, 0, 0.25, 0.5, 0.75) },
        'a/bias': { shape: [3], data: Float32Array.of(1e-38, -0, Infinity) },
        step: { shape: [], data: BigInt64Array.of(7n) },
        sample: { shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
        flags: { shape: [3], data: Uint8Array.of(0, 1, 255) },
        empty: { shape: [0, 4], data: new Float32Array() },
        ünï: { shape: [1], data: Float32Array.of(0.1) },
      }),
    ),
  )
})

test('encoding gives the bytes of the reference implementation, whatever the order of the map', () => {
  const { tensors, metadata } = decode(fixture)
  expect(Buffer.compare(encode(tensors, metadata), fixture)).toBe(0)
  expect(Buffer.compare(encode(new Map([...tensors].reverse()), metadata), fixture)).toBe(0)
})

test('aligned tensors are views, others are copies of equal value', () => {
  const aligned = Uint8Array.from(fixture)
  expect(decode(aligned).tensors.get('ünï')!.data.buffer).toBe(aligned.buffer)
  const shifted = new Uint8Array(fixture.length + 1).subarray(1)
  shifted.set(fixture)
  const { tensors } = decode(shifted)
  expect(tensors.get('ünï')!.data.buffer).not.toBe(shifted.buffer)
  expect(tensors).toEqual(decode(aligned).tensors)
})

test('float16 and bfloat16 of the reference implementation are read as the float32 that PyTorch makes of them', () => {
  const { tensors } = decode(readFileSync(new URL('./fixtures/halves.safetensors', import.meta.url)))
  expect(tensors.get('f16')).toEqual(tensors.get('f16 as f32'))
  expect(tensors.get('bf16')).toEqual(tensors.get('bf16 as f32'))
  expect(tensors.get('f16')).toMatchObject({ shape: [2, 5] })
})

test.each(Object.entries(digests))(
  'every %s is exactly its value in float32, and no number otherwise',
  (dtype, digest) => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    const header = fileOf({ all: { dtype, shape: [65_536], data_offsets: [0, 131_072] } })
    const values = decode(Buffer.concat([header, Buffer.from(patterns.buffer)])).tensors.get('all')!
      .data as Float32Array
    const numbers = values.filter((value) => !Number.isNaN(value))
    expect(createHash('sha256').update(Buffer.from(numbers.buffer)).digest('hex')).toBe(digest)
  },
)

test('an empty state and names that JavaScript treats specially survive a round trip', () => {
  expect(decode(encode(new Map()))).toEqual({ tensors: new Map(), metadata: new Map() })
  const tensors = new Map(['__proto__', '1', '0', 'constructor'].map((name, i) => [name, vector(i)]))
  expect(decode(encode(tensors)).tensors).toEqual(tensors)
})

const vector = (value: number) => ({ shape: [1], data: Float32Array.of(value) })

test.each([
  ['no header', Buffer.alloc(7), /no header/],
  ['a header longer than the file', fixture.subarray(0, 100), /does not fit a file/],
  ['a header of 2^63 bytes', Buffer.from([0, 0, 0, 0, 0, 0, 0, 128, 123, 125]), /does not fit a file/],
  ['no JSON', fileOf('{"a":'), /not JSON/],
  ['a byte that is not UTF-8', Buffer.concat([fileOf('{}').subarray(0, 8), Buffer.from([0xff, 0x7d])]), /not JSON/],
  ['a list for a header', fileOf([]), /not a JSON object/],
  ['metadata that is not text', fileOf({ __metadata__: { a: 1 } }), /metadata "a"/],
  ['a tensor that is not an object', fileOf({ a: 3 }), /"a" is not described/],
  ['an unknown dtype', fileOf({ a: { ...f32(0, 4), dtype: 'F8' } }, 4), /dtype "F8"/],
  ['a dtype named like a method', fileOf({ a: { ...f32(0, 4), dtype: 'toString' } }, 4), /dtype "toString"/],
  ['a half that does not fill its bytes', fileOf({ a: { ...f32(0, 4, [1]), dtype: 'F16' } }, 4), /does not fill/],
  ['a negative dimension', fileOf({ a: f32(0, 4, [-1]) }, 4), /no valid shape/],
  ['a broken dimension', fileOf({ a: f32(0, 4, [0.5, 2]) }, 4), /no valid shape/],
  ['a shape whose product overflows', fileOf({ a: f32(0, 4, [2 ** 32, 2 ** 32, 0]) }, 4), /does not fill/],
  ['a shape that does not fill its bytes', fileOf({ a: f32(0, 4, [2]) }, 4), /does not fill/],
  ['offsets that run backwards', fileOf({ a: f32(4, 0, [1]) }, 4), /does not fill/],
  ['a third offset', fileOf({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 8), /no valid offsets/],
  ['offsets past the end', fileOf({ a: f32(0, 8) }, 4), /take 8 bytes, but 4/],
  ['overlapping tensors', fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /"b" starts at byte 4/],
  ['a gap between tensors', fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /"b" starts at byte 8/],
  ['bytes that belong to no tensor', fileOf({ a: f32(0, 4) }, 5), /take 4 bytes, but 5/],
])('a file with %s is refused', (_, bytes, message) => {
  expect(() => decode(bytes)).toThrow(SafetensorsError)
  expect(() => decode(bytes)).toThrow(message)
})

test('a file cut anywhere is refused, never read in part', () => {
  for (let length = 0; length < fixture.length; length++)
    expect(() => decode(fixture.subarray(0, length))).toThrow(SafetensorsError)
})

test('tensors that do not fit the format are not encoded', () => {
  expect(() => encode(new Map([['a', { shape: [2], data: Float32Array.of(1) }]]))).toThrow(/holds 1 elements/)
  expect(() => encode(new Map([['__metadata__', vector(1)]]))).toThrow(/reserved|may be named/)
})
