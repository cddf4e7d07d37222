import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { integer, streamKey } from '@baton/random'
import sharp from 'sharp'
import { noise } from './noise.ts'

export interface DrawnFile {
  readonly path: string
  readonly bytes: Buffer
}

/**
 * Files like those of photographs: smooth patches with some grain, 192 to 320 pixels a side, of which three in four are
 * JPEG and one is PNG. The same every time.
 */
export async function drawPictures(folder: string, count: number): Promise<DrawnFile[]> {
  await mkdir(folder, { recursive: true })
  const files: DrawnFile[] = []
  for (let i = 0; i < count; i++) {
    const isPng = i % 4 === 3
    const image = await photograph(i)
    const bytes = await (isPng ? image.png() : image.jpeg({ quality: 90 })).toBuffer()
    const file = path.join(folder, `${i}.${isPng ? 'png' : 'jpg'}`)
    await writeFile(file, bytes)
    files.push({ path: file, bytes })
  }
  return files
}

/** Patches of a few colours, enlarged, and grain of ±8 on them. */
async function photograph(i: number) {
  const key = streamKey('bench', 'picture', i)
  const [width, height] = [0, 1].map((side) => 192 + integer(key, side, 129)) as [number, number]
  const patches = 12
  const smooth = await sharp(noise(`patches ${i}`, patches * patches * 3), {
    raw: { width: patches, height: patches, channels: 3 },
  })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer()
  const grain = noise(`grain ${i}`, smooth.length)
  const data = smooth.map((value, at) => Math.min(255, Math.max(0, value + (grain[at]! % 17) - 8)))
  return sharp(data, { raw: { width, height, channels: 3 } })
}
