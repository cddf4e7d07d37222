import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { decodePng } from './png.ts'

const [width, height] = [7, 6]

/** Bytes with something to predict and something not. */
function pixelsOf(channels: number): Uint8Array {
  return Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 5 + ((i * i) % 13)) % 256)
}

function chunk(kind: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(kind), content])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(content.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A PNG whose rows have one filter after the other. */
function pngOf(colourType: number, channels: number, more: Buffer[] = []): Buffer {
  const pixels = pixelsOf(channels)
  const row = width * channels
  const at = (y: number, i: number) => (y < 0 || i < 0 ? 0 : pixels[y * row + i]!)
  const rows = Array.from({ length: height }, (_, y) => {
    const filter = (y + 1) % 5
    const bytes = Uint8Array.from({ length: row }, (_, i) => {
      const [a, b, c] = [at(y, i - channels), at(y - 1, i), i < channels ? 0 : at(y - 1, i - channels)]
      const nearest = [a, b, c].reduce((best, one) =>
        Math.abs(a + b - c - one) < Math.abs(a + b - c - best) ? one : best,
      )
      return at(y, i) - [0, a, b, (a + b) >> 1, nearest][filter]!
    })
    return Buffer.concat([Buffer.of(filter), bytes])
  })
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, colourType], 8)
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  const body = chunk('IDAT', deflateSync(Buffer.concat(rows)))
  return Buffer.concat([signature, chunk('IHDR', head), ...more, body, chunk('IEND', Buffer.alloc(0))])
}

const kinds = [
  { name: 'grey', colourType: 0, channels: 1 },
  { name: 'grey and alpha', colourType: 4, channels: 2 },
  { name: 'RGB', colourType: 2, channels: 3 },
  { name: 'RGB and alpha', colourType: 6, channels: 4 },
]

test.each(kinds)('a PNG of $name with every filter decodes as by libvips', async ({ colourType, channels }) => {
  const png = pngOf(colourType, channels)
  const made = decodePng(png, 60)!
  const { data } = await sharp(png)
    .flatten({ background: { r: 60, g: 60, b: 60 } })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  expect([made.width, made.height, made.data.length]).toEqual([width, height, data.length])
  // libvips cuts off what is behind the point where alpha mixes.
  made.data.forEach((byte, i) => expect(Math.abs(byte - data[i]!)).toBeLessThanOrEqual(channels % 2 === 0 ? 1 : 0))
})

test('what has more to it is left to libvips: a profile, a palette, 16 bits, interlacing, an unknown chunk', async () => {
  const image = sharp(pixelsOf(3), { raw: { width, height, channels: 3 } })
  const others = [
    await image.clone().withIccProfile('p3').png().toBuffer(),
    await image.clone().png({ palette: true }).toBuffer(),
    await image.clone().toColourspace('rgb16').png().toBuffer(),
    await image.clone().png({ progressive: true }).toBuffer(),
    await image.clone().withMetadata({ orientation: 6 }).png().toBuffer(),
    await image.clone().jpeg().toBuffer(),
    pngOf(2, 3, [chunk('oddC', Buffer.alloc(3))]),
    Buffer.alloc(0),
  ]
  for (const bytes of others) expect(decodePng(bytes, 0)).toBeNull()
})

test('a PNG that is cut short, or whose bytes are not what was packed, is not decoded', () => {
  const png = pngOf(2, 3)
  for (const length of [20, 60, png.length - 20, png.length - 8])
    expect(decodePng(png.subarray(0, length), 0)).toBeNull()
  const broken = Buffer.from(png)
  broken[50]! ^= 0xff
  expect(decodePng(broken, 0)).toBeNull()
})
