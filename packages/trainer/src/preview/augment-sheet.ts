import { AppError } from '@baton/contracts'
import type { ExperimentSpec, StageSpec } from '@baton/contracts'
import sharp from 'sharp'
import { augmentBy, takenBy } from '../data/augment/augment-plan.ts'
import { trainSize } from '../data/augment/model-picture.ts'
import type { ModelPicture } from '../data/augment/model-picture.ts'
import type { Picture } from '../data/augment/picture.ts'
import { planStageAugment } from '../data/augment/plan-augment.ts'
import { augmentScope, mixScope } from '../data/batches.ts'
import { decodeImage, decodeOriginal } from '../data/decode/decode-image.ts'
import { mixBatch } from '../data/mix.ts'

interface EncodedImage {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface AugmentSheet {
  readonly spec: ExperimentSpec
  /** Whose augmentation is shown, 0-based. */
  readonly stage: number
  /** Encoded images, a row each; they stand for the samples 0, 1, 2 … of a dataset. */
  readonly images: readonly EncodedImage[]
  /** How often each is augmented: as in so many epochs of fold 0, a column each. */
  readonly epochs: number
  /** Mixes the pictures of a column as a batch, where the stage mixes. */
  readonly mix: boolean
}

/** Pictures are shown at least and at most so large, in pixels; what is smaller is enlarged by whole numbers. */
const shown = { least: 96, most: 160 }
const gap = 4

/**
 * A contact sheet: pictures as they are stored, and beside them what training makes of them.
 *
 * @returns PNG
 * @throws {AppError} `sample-broken`, for an image that cannot be read
 */
export async function drawAugmentSheet({ spec, stage, images, epochs, mix }: AugmentSheet): Promise<Buffer> {
  const stageSpec = spec.stages[stage]!
  const model = { ...spec.image, size: trainSize(stageSpec, spec.image) }
  const plan = planStageAugment(spec, stageSpec)
  const originals = await Promise.all(images.map((image) => decode(image, model)))
  const pictures =
    takenBy(plan) === 'original' ? originals : await Promise.all(images.map(({ bytes }) => decodeImage(bytes, model)))
  const columns = Array.from({ length: epochs }, (_, epoch) => {
    const key = { seed: spec.seed, fold: 0, stage }
    const augment = augmentBy(plan, augmentScope({ ...key, epoch }))
    const column = pictures.map((picture, sample) => augment(picture, sample))
    return mix ? mixed(column, stageSpec, mixScope(key, epoch), model) : column
  })
  return layOut([originals, ...columns], model)
}

async function decode({ name, bytes }: EncodedImage, model: ModelPicture): Promise<Picture> {
  try {
    return await decodeOriginal(bytes, model)
  } catch (cause) {
    throw new AppError('sample-broken', { sample: name }, { detail: `${name}: ${(cause as Error).message}`, cause })
  }
}

/** The pictures as a batch would have them. */
function mixed(
  pictures: readonly Picture[],
  { mix }: StageSpec,
  scope: ReturnType<typeof mixScope>,
  { size }: ModelPicture,
): readonly Picture[] {
  if (mix === null) return pictures
  const bytes = size * size * 3
  const images = Uint8Array.from(
    { length: pictures.length * bytes },
    (_, i) => pictures[Math.floor(i / bytes)]!.data[i % bytes]!,
  )
  const blend = mixBatch(
    mix,
    scope,
    { images, labels: new Float32Array(), teacher: null },
    { n: pictures.length, size },
  )
  const byteOf = (row: number, i: number) => {
    if (blend === null) return images[row * bytes + i]!
    const own = blend.lambda[row]!
    return Math.round(own * images[row * bytes + i]! + (1 - own) * blend.partners[row * bytes + i]!)
  }
  return pictures.map((picture, row) => ({
    ...picture,
    data: Uint8Array.from({ length: bytes }, (_, i) => byteOf(row, i)),
  }))
}

async function layOut(columns: readonly (readonly Picture[])[], { size }: ModelPicture): Promise<Buffer> {
  const side = size > shown.most ? shown.most : size * Math.ceil(shown.least / size)
  const step = side + gap
  const cells = columns.flatMap((column, x) =>
    column.map(async (picture, y) => ({
      input: await cellOf(picture, side),
      left: gap + x * step,
      top: gap + y * step,
    })),
  )
  const [width, height] = [gap + columns.length * step, gap + columns[0]!.length * step]
  const sheet = sharp({ create: { width, height, channels: 3, background: 'white' } })
  return sheet
    .composite(await Promise.all(cells))
    .png({ compressionLevel: 9, adaptiveFiltering: true })
    .toBuffer()
}

/** The whole picture in a square, as PNG. */
function cellOf({ data, width, height }: Picture, side: number): Promise<Buffer> {
  const kernel = Math.max(width, height) < side ? 'nearest' : 'lanczos3'
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: 'contain', background: 'white', kernel })
    .png()
    .toBuffer()
}
