import { MixSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import reference from './fixtures/mix.json' with { type: 'json' }
import { cutmixBox, drawMix, mixBatch, mixLabels } from './mix.ts'

const { n, size } = reference
const scope = [1, 0, 0, 'mix', 3]

test('labels are mixed as torch does', () => {
  const labels = Float32Array.from(reference.labels)
  mixLabels(labels, { partner: Int32Array.from(reference.partner), lambda: Float32Array.from(reference.lambda) })
  labels.forEach((label, i) => expect(Math.abs(label - reference.mixedLabels[i]!)).toBeLessThan(1e-6))
})

test.each(reference.boxes)(
  'the box of λ $lambda about $x, $y and its share are timm’s',
  ({ lambda, x, y, box, corrected }) => {
    const { left, top, right, bottom } = cutmixBox(size, lambda, x, y)
    expect([left, top, right, bottom]).toEqual(box)
    expect(1 - ((right - left) * (bottom - top)) / (size * size)).toBeCloseTo(corrected, 12)
  },
)

test('mixup draws a λ of at least a half for each picture, or one for the batch, and partners in pairs', () => {
  const each = drawMix(MixSpec.parse({ name: 'mixup' }), scope, 200, size)
  for (const lambda of each.lambda) expect(lambda >= 0.5 && lambda <= 1).toBe(true)
  expect(new Set(each.lambda).size).toBeGreaterThan(100)
  expect([...each.partner].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  expect(drawMix(MixSpec.parse({ name: 'mixup' }), scope, 200, size)).toEqual(each)
  expect(drawMix(MixSpec.parse({ name: 'mixup' }), [...scope, 4], 200, size)).not.toEqual(each)

  const one = drawMix(MixSpec.parse({ name: 'mixup', per: 'batch', alpha: 1 }), scope, 200, size)
  expect(new Set(one.lambda).size).toBe(1)
  const few = drawMix(MixSpec.parse({ name: 'mixup', alpha: 5, p: 0.25 }), scope, 2000, size)
  const mixed = few.lambda.filter((lambda) => lambda < 1).length
  expect(Math.abs(mixed - 500)).toBeLessThan(4 * Math.sqrt(2000 * 0.25 * 0.75))
})

test('cutmix pastes the partner’s box, and labels follow what of a picture is left', () => {
  const images = Uint8Array.from(reference.images)
  const labels = Float32Array.from(reference.labels)
  const spec = MixSpec.parse({ name: 'cutmix' })
  const { partner, lambda, boxes } = drawMix(spec, scope, n, size)
  const teacher = labels.slice()
  expect(mixBatch(spec, scope, { images, labels, teacher }, { n, size })).toBe(null)
  for (let i = 0; i < images.length; i++) {
    const sample = Math.floor(i / (size * size * 3))
    const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / (size * 3)) % size]
    const { left, top, right, bottom } = boxes![sample]!
    const isInside = x >= left && x < right && y >= top && y < bottom
    const from = isInside ? partner[sample]! : sample
    expect(images[i]).toBe(reference.images[i + (from - sample) * size * size * 3])
  }
  const expected = Float32Array.from(reference.labels)
  mixLabels(expected, { partner, lambda })
  expect(labels).toEqual(expected)
  expect(teacher).toEqual(expected)
  expect(Math.min(...lambda)).toBeLessThan(1)
})
