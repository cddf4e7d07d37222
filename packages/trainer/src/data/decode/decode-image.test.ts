import sharp from 'sharp'
import type { Sharp } from 'sharp'
import { expect, test } from 'vitest'
import type { Picture } from '../augment/picture.ts'
import { decodeImage, decodeOriginal, resizePicture } from './decode-image.ts'

const spec = { size: 4, resize: 'stretch' as const, interpolation: 'bilinear' as const, background: 200 }
const solid = (width: number, height: number, background: { r: number; g: number; b: number; alpha?: number }) =>
  sharp({ create: { width, height, channels: background.alpha === undefined ? 3 : 4, background } })

/** The colour of each corner and the centre, as text. */
function look({ data: image }: Picture, size: number): string[] {
  const at = (x: number, y: number) => [...image.subarray((y * size + x) * 3, (y * size + x) * 3 + 3)].join()
  const last = size - 1
  return [at(0, 0), at(last, 0), at(0, last), at(last, last), at(size / 2, size / 2)]
}

test('an image of the right size decodes to its own pixels', async () => {
  const raw = Uint8Array.from({ length: 48 }, (_, i) => i * 5)
  const png = await sharp(raw, { raw: { width: 4, height: 4, channels: 3 } })
    .png()
    .toBuffer()
  expect([...(await decodeImage(png, spec)).data]).toEqual([...raw])
})

test('stretch fills the square, pad keeps the aspect ratio on the background', async () => {
  const wide = await solid(8, 4, { r: 10, g: 20, b: 30 }).png().toBuffer()
  const stretched = await decodeImage(wide, spec)
  expect(new Set(look(stretched, 4))).toEqual(new Set(['10,20,30']))
  const padded = await decodeImage(wide, { ...spec, resize: 'pad' })
  expect(look(padded, 4)).toEqual([...Array<string>(4).fill('200,200,200'), '10,20,30'])
})

test('an image decodes to its own size, which resizes to what it decodes to at once', async () => {
  const raw = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 67) % 251)
  const png = await sharp(raw, { raw: { width: 5, height: 7, channels: 3 } })
    .png()
    .toBuffer()
  const original = await decodeOriginal(png, spec)
  expect({ ...original, data: [...original.data] }).toEqual({ width: 5, height: 7, data: [...raw] })
  for (const resize of ['stretch', 'pad'] as const)
    expect(resizePicture(original, { ...spec, resize })).toEqual(await decodeImage(png, { ...spec, resize }))
})

test('transparency shows the background', async () => {
  const clear = await solid(4, 4, { r: 0, g: 0, b: 0, alpha: 0 }).png().toBuffer()
  expect(new Set(look(await decodeImage(clear, spec), 4))).toEqual(new Set(['200,200,200']))
})

test.each([
  ['grey', (image: Sharp) => image.greyscale().toColourspace('b-w').png()],
  ['grey with transparency', (image: Sharp) => image.greyscale().toColourspace('b-w').ensureAlpha().png()],
  ['16-bit', (image: Sharp) => image.toColourspace('rgb16').png()],
  ['CMYK', (image: Sharp) => image.toColourspace('cmyk').jpeg()],
  ['palette', (image: Sharp) => image.png({ palette: true })],
  ['WebP', (image: Sharp) => image.webp()],
  ['GIF', (image: Sharp) => image.gif()],
])('a %s image decodes to RGB bytes', async (kind, encode) => {
  const bytes = await encode(solid(6, 6, { r: 90, g: 90, b: 90 })).toBuffer()
  const { data: image } = await decodeImage(bytes, spec)
  expect(image).toHaveLength(48)
  // Ink has fewer shades than light.
  const tolerance = kind === 'CMYK' ? 16 : 2
  image.forEach((value) => expect(Math.abs(value - 90)).toBeLessThanOrEqual(tolerance))
})

test('an image turned by its EXIF tag decodes upright', async () => {
  const raw = Uint8Array.from({ length: 48 }, (_, i) => (i < 24 ? 250 : 5))
  const turned = await sharp(raw, { raw: { width: 4, height: 4, channels: 3 } })
    .withMetadata({ orientation: 3 })
    .png()
    .toBuffer()
  expect(look(await decodeImage(turned, spec), 4).slice(0, 4)).toEqual(['5,5,5', '5,5,5', '250,250,250', '250,250,250'])
})

test('bytes that are no image, and a truncated image, are errors', async () => {
  await expect(decodeImage(Buffer.from('not an image'), spec)).rejects.toThrow(/unsupported image format/)
  const jpeg = await sharp(Buffer.alloc(64 * 64 * 3, 77), { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer()
  await expect(decodeImage(jpeg.subarray(0, jpeg.length - 40), spec)).rejects.toThrow(/./)
})

test.each([
  ['JPEG', (image: Sharp) => image.jpeg({ quality: 100 })],
  ['WebP', (image: Sharp) => image.webp({ lossless: true })],
  ['JPEG with a profile', (image: Sharp) => image.withIccProfile('srgb').jpeg({ quality: 100 })],
])('a large %s that is decoded at less than its size shows what the whole shows', async (_, encode) => {
  const [width, height] = [150, 131]
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => 128 + 90 * Math.sin(i / 3 / width / 20))
  const bytes = await encode(sharp(raw, { raw: { width, height, channels: 3 } })).toBuffer()
  for (const resize of ['stretch', 'pad'] as const) {
    const small = await decodeImage(bytes, { ...spec, size: 16, resize })
    const whole = resizePicture(await decodeOriginal(bytes, spec), { ...spec, size: 16, resize })
    small.data.forEach((byte, i) => expect(Math.abs(byte - whole.data[i]!)).toBeLessThanOrEqual(5))
  }
})
