import type { ImageSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import reference from './fixtures/resized.json' with { type: 'json' }
import { resized } from './resize.ts'

const picture = { ...reference, data: Uint8Array.from(reference.data) }

test.each(reference.resized)(
  'a picture in $width × $height by $interpolation has the bytes of Pillow',
  ({ interpolation, width, height, data }) => {
    const made = resized(picture, { width, height }, interpolation as ImageSpec['interpolation'])
    expect([made.width, made.height]).toEqual([width, height])
    expect([...made.data]).toEqual(data)
  },
)

test('a picture that has its size stays as it is', () => {
  expect(resized(picture, picture, 'lanczos')).toBe(picture)
})
