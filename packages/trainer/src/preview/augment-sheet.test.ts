import { ExperimentSpec } from '@baton/contracts'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { augmentBy } from '../data/augment/augment-plan.ts'
import { planAugment } from '../data/augment/plan-augment.ts'
import { trainOps } from '../data/augment/presets.ts'
import { augmentScope } from '../data/batches.ts'
import { decodeOriginal } from '../data/decode/decode-image.ts'
import { drawAugmentSheet } from './augment-sheet.ts'

const schedule = { name: 'constant', lr: 0.1 } as const
const spec = ExperimentSpec.parse({
  name: 'sheet',
  dataset: 'any',
  seed: 5,
  folds: { count: 2 },
  model: { name: 'convnet' },
  image: { size: 96 },
  augment: 'imet-256',
  stages: [
    { name: 'plain', epochs: 1, schedule, augment: [] },
    { name: 'all', epochs: 1, schedule, mix: { name: 'mixup', alpha: 1 } },
  ],
})

async function anImage(name: string, width: number, height: number) {
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 13) % 256)
  const image = sharp(raw, { raw: { width, height, channels: 3 } })
  return { name, bytes: new Uint8Array(await image.png().toBuffer()) }
}

const images = await Promise.all([anImage('a', 96, 96), anImage('b', 130, 110)])
const draw = (stage: number, mix = false) => drawAugmentSheet({ spec, stage, images, epochs: 2, mix })

/** One cell's pixels. */
async function cellAt(sheet: Uint8Array, column: number, row: number): Promise<number[]> {
  const cell = sharp(sheet).extract({ left: 4 + column * 100, top: 4 + row * 100, width: 96, height: 96 })
  return [...(await cell.removeAlpha().raw().toBuffer())]
}

test('a sheet has the picture as it is stored, and then as each epoch of the stage has it', async () => {
  const sheet = await draw(1)
  expect(await sharp(sheet).metadata()).toMatchObject({ format: 'png', width: 4 + 3 * 100, height: 4 + 2 * 100 })
  const original = await decodeOriginal(images[0].bytes, spec.image)
  expect(await cellAt(sheet, 0, 0)).toEqual([...original.data])
  for (const epoch of [0, 1]) {
    const scope = augmentScope({ seed: 5, fold: 0, stage: 1, epoch })
    const { data } = augmentBy(planAugment(trainOps('imet-256'), spec.image), scope)(original, 0)
    expect(await cellAt(sheet, 1 + epoch, 0)).toEqual([...data])
  }
  expect(await draw(1)).toEqual(sheet)
})

test('a stage without augmentation shows pictures as they are, and mixing shows two in one', async () => {
  const plain = await draw(0)
  expect(await cellAt(plain, 1, 0)).toEqual(await cellAt(plain, 0, 0))
  expect(await draw(1, true)).not.toEqual(await draw(1))
})

test('a file that is no picture is named', async () => {
  const broken = [{ name: 'notes.txt', bytes: new TextEncoder().encode('no picture') }]
  await expect(drawAugmentSheet({ spec, stage: 0, images: broken, epochs: 1, mix: false })).rejects.toMatchObject({
    code: 'sample-broken',
    facts: { sample: 'notes.txt' },
  })
})
