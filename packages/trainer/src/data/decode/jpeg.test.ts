import sharp from 'sharp'
import type { Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { decodeJpeg } from './jpeg.ts'

const [width, height] = [150, 131]

/** Waves, which JPEG keeps nearly as they are. */
function waves(): Sharp {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    return 128 + 60 * Math.sin(x / 19 + (i % 3)) + 60 * Math.cos(y / 23)
  })
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** The mean difference of two pictures' bytes. */
function distance(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, byte, i) => sum + Math.abs(byte - b[i]!), 0) / a.length
}

test.each([
  ['baseline', (image: Sharp) => image.jpeg({ quality: 95 })],
  ['progressive', (image: Sharp) => image.jpeg({ quality: 95, progressive: true })],
  ['full colour', (image: Sharp) => image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' })],
  ['grey', (image: Sharp) => image.greyscale().jpeg({ quality: 95 })],
])('a %s JPEG decodes as by libvips', async (_, encode) => {
  const jpeg = await encode(waves()).toBuffer()
  const made = decodeJpeg(jpeg, 0)!
  expect([made.width, made.height, made.data.length]).toEqual([width, height, width * height * 3])
  expect(distance(made.data, await sharp(jpeg).toColourspace('srgb').raw().toBuffer())).toBeLessThan(0.5)
})

test.each([
  { least: 0, scale: 1 },
  { least: 67, scale: 1 },
  { least: 66, scale: 2 },
  { least: 33, scale: 4 },
  { least: 17, scale: 8 },
  { least: 4, scale: 8 },
])('a JPEG whose shorter side is 131 comes at 1 / $scale where $least is enough', async ({ least, scale }) => {
  const jpeg = await waves().jpeg({ quality: 95 }).toBuffer()
  const made = decodeJpeg(jpeg, least)!
  expect([made.width, made.height]).toEqual([Math.ceil(width / scale), Math.ceil(height / scale)])
  const [fits, kernel] = [{ fit: 'fill', fastShrinkOnLoad: false } as const, 'linear' as const]
  const whole = sharp(jpeg).resize(made.width, made.height, { ...fits, kernel })
  expect(distance(made.data, await whole.raw().toBuffer())).toBeLessThan(6)
})

test('what has more to it is left to libvips: turned by EXIF, a profile, ink, another format', async () => {
  const others = [
    await waves().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    await waves().withIccProfile('p3').jpeg().toBuffer(),
    await waves().toColourspace('cmyk').jpeg().toBuffer(),
    await waves().png().toBuffer(),
    Buffer.alloc(0),
  ]
  for (const bytes of others) expect(decodeJpeg(bytes, 0)).toBeNull()
  expect(decodeJpeg(await waves().withExif({ IFD0: { Artist: 'somebody' } }).jpeg().toBuffer(), 0)).not.toBeNull() // prettier-ignore
})

test('a JPEG that is broken is not decoded, and those after it are as ever', async () => {
  const jpeg = await waves().jpeg().toBuffer()
  const whole = decodeJpeg(jpeg, 0)!
  const tables = jpeg.indexOf(Buffer.of(0xff, 0xc4))
  const withoutTables = Buffer.concat([jpeg.subarray(0, tables), jpeg.subarray(jpeg.indexOf(Buffer.of(0xff, 0xda)))])
  for (const bytes of [withoutTables, jpeg.subarray(0, jpeg.length / 2), jpeg.subarray(0, 200), jpeg.subarray(0, 3)]) {
    expect(decodeJpeg(bytes, 0)).toBeNull()
    expect(decodeJpeg(jpeg, 0)).toEqual(whole)
  }
})
