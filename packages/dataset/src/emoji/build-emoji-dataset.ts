import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { importDataset } from '../import/import-dataset.ts'
import type { ImportedDataset } from '../import/import-dataset.ts'
import { mapLimited } from '../import/map-limited.ts'
import type { ImportOptions } from '../import/options.ts'
import { loadEmoji } from './catalog.ts'
import type { Drawing } from './catalog.ts'
import { choosePictures } from './choose.ts'
import type { ChosenPicture, PictureLabels } from './choose.ts'

export interface EmojiOptions {
  /** The folder to make, as in `ImportOptions`. */
  readonly out: string
  /** Side of a picture in pixels, 8 to 512. Default 64. */
  readonly size?: number
  /** Most pictures; default all, some 4,600. 700 make a demo of a few seconds. */
  readonly limit?: number
  /** Default 0. */
  readonly seed?: number
  /** Share of the emoji that become test samples. Default 0.15. */
  readonly testShare?: number
  /** Share of its tags that the one annotator of a train picture misses. Default 0. */
  readonly noise?: number
  /** Labels that fewer train emoji carry are left out. Default 3. */
  readonly minUses?: number
  readonly onProgress?: ImportOptions['onProgress']
}

/** What a competition's host keeps: the labels of the test samples, as indices like those of the manifest. */
export interface TestTruth {
  readonly id: string
  readonly labels: number[]
}

export interface EmojiDataset extends ImportedDataset {
  readonly truth: TestTruth[]
}

/**
 * Builds the demo set: emoji as Noto Emoji, Twitter Emoji and Emoji One draw them, small PNGs with transparent ground.
 *
 * It mirrors the competition Baton comes from: two label groups (`category`: Unicode's group and subgroup; `tag`), a
 * long tail, several labels a picture, optionally an annotator who misses some. The styles of one emoji are one sample
 * group. The truth of the test samples is in the answer, never in the manifest.
 *
 * @throws {AppError} `already-exists`
 */
export async function buildEmojiDataset(options: EmojiOptions): Promise<EmojiDataset> {
  const { size = 64, limit = null, seed = 0, testShare = 0.15, noise = 0, minUses = 3 } = options
  const { emoji, licences } = loadEmoji()
  const pictures = choosePictures(emoji, { seed, limit, testShare, noise, minUses })
  const vocabulary = vocabularyOf(pictures)
  const work = await mkdtemp(join(tmpdir(), 'baton-emoji-'))
  try {
    const images = join(work, 'images')
    await mkdir(images)
    await drawAll(pictures, images, size, options.onProgress)
    const labels = join(work, 'labels.jsonl')
    await writeFile(labels, pictures.map((picture) => JSON.stringify(rowOf(picture)) + '\n').join(''))
    const { out, onProgress } = options
    const dataset = await importDataset({
      images,
      labels,
      vocabulary,
      licences,
      out,
      ...(onProgress && { onProgress }),
    })
    return { ...dataset, truth: truthOf(pictures, vocabulary) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function vocabularyOf(pictures: readonly ChosenPicture[]) {
  const sorted = (group: keyof PictureLabels) =>
    [...new Set(pictures.flatMap(({ annotated }) => annotated[group]))].sort()
  return { category: sorted('category'), tag: sorted('tag') }
}

function rowOf({ id, emoji, split, annotated }: ChosenPicture) {
  return { id, file: `${id}.png`, split, group: emoji.code, labels: annotated }
}

function truthOf(pictures: readonly ChosenPicture[], vocabulary: ReturnType<typeof vocabularyOf>): TestTruth[] {
  const index = {
    category: new Map(vocabulary.category.map((label, i) => [label, i])),
    tag: new Map(vocabulary.tag.map((label, i) => [label, vocabulary.category.length + i])),
  }
  return pictures
    .filter(({ split }) => split === 'test')
    .map(({ id, truth }) => ({
      id,
      labels: [
        ...truth.category.map((label) => index.category.get(label)!),
        ...truth.tag.map((label) => index.tag.get(label)!),
      ].sort((a, b) => a - b),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

async function drawAll(
  pictures: readonly ChosenPicture[],
  folder: string,
  size: number,
  onProgress: ImportOptions['onProgress'],
): Promise<void> {
  let done = 0
  await mapLimited(pictures, availableParallelism(), async ({ id, emoji, style }) => {
    await writeFile(join(folder, `${id}.png`), await draw(emoji.drawings[style]!, size))
    onProgress?.({ phase: 'draw', done: ++done, total: pictures.length })
  })
}

function draw({ body, width, height }: Drawing, size: number): Promise<Buffer> {
  const xml = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
  // The drawing is scaled by the SVG itself: one rendering at the final size, sharper than a bitmap scaled down.
  const svg = `<svg ${xml} width="${size}" height="${size}" viewBox="0 0 ${width} ${height}">${body}</svg>`
  return sharp(Buffer.from(svg)).png({ compressionLevel: 9 }).toBuffer()
}
