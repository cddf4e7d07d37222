import { AugmentSpec, ImageSpec } from '@baton/contracts'
import { normal, streamKey } from '@baton/random'
import { expect, test } from 'vitest'
import { augmentBy } from './augment-plan.ts'
import { drawsIn } from './draws.ts'
import type { Scope } from './draws.ts'
import type { Picture } from './picture.ts'
import { planAugment } from './plan-augment.ts'
import { plainOps, resizePlace, trainOps, viewOps } from './presets.ts'

const size = 16

/** A smooth picture with something to see everywhere. */
function aPicture(width: number, height: number): Picture {
  // A Buffer, as decoders give.
  const data = Buffer.alloc(width * height * 3)
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    data[i] = 120 + 60 * Math.sin(x / 3 + (i % 3)) + 60 * Math.cos(y / 4)
  }
  return { width, height, data }
}

const model = ImageSpec.parse({ size })
const opsOf = (spec: unknown) => trainOps(AugmentSpec.parse(spec))
const planOf = (spec: unknown) => planAugment(opsOf(spec), model)
const everything = [
  { op: 'scale', by: 0.2 },
  { op: 'rotate', degrees: 30 },
  { op: 'crop', centre: 0.2 },
  { op: 'flip' },
  {
    op: 'one-of',
    p: 0.7,
    ops: [
      { op: 'shift', pixels: 3 },
      { op: 'gamma', from: 0.5, to: 2, p: 0.5 },
    ],
  },
  { op: 'shift-scale-rotate', p: 0.5, shift: 0.1, scale: 0.1, degrees: 10, border: 'background' },
  { op: 'noise', p: 0.5, from: 1, to: 20 },
  { op: 'contrast', by: 0.4 },
  { op: 'brightness', by: 0.2 },
  { op: 'erase', p: 0.5, fill: 'noise', boxes: 2 },
  { op: 'cutout', p: 0.5, fill: 'colour', size: 0.2 },
]

test('an augmented picture is a function of scope and sample, not of what was made before or beside it', () => {
  const picture = aPicture(24, 20)
  const copy = [...picture.data]
  const plan = planOf(everything)
  const augmentIn = (scope: Scope) => augmentBy(plan, scope)
  const samples = Array.from({ length: 30 }, (_, sample) => sample)
  const make = (augment: ReturnType<typeof augmentIn>, wanted: number[]) =>
    wanted.map((sample) => augment(picture, sample))
  const first = make(augmentIn([7, 0]), samples)
  const again = augmentIn([7, 0])
  expect(make(again, samples.toReversed())).toEqual(first.toReversed())
  expect(make(again, [5])).toEqual([first[5]])
  expect(new Set(first.map(({ data }) => data.join())).size).toBe(samples.length)
  for (const scope of [
    [7, 1],
    [8, 0],
  ])
    expect(make(augmentIn(scope), samples)).not.toEqual(first)
  for (const { width, height, data } of first)
    expect([width, height, data.length]).toEqual([size, size, size * size * 3])
  augmentBy(planOf([{ op: 'crop-if-needed', factor: 2 }, { op: 'brightness', by: 1 }, { op: 'resize' }]), [1])(
    picture,
    0,
  )
  expect([...picture.data]).toEqual(copy)
})

test('a parameter is uniform over its range, and an operation done as often as its p says', () => {
  const drawOf = drawsIn([1, 2])
  const draws = Array.from({ length: 4000 }, (_, sample) => drawOf('0 rotate', sample))
  const bins = (values: number[], low: number, high: number) => {
    const counts = new Array<number>(8).fill(0)
    for (const value of values) counts[Math.floor(((value - low) / (high - low)) * 8)]!++
    return counts
  }
  for (const counts of [
    bins(
      draws.map((draw) => draw.within('degrees', 20)),
      -20,
      20,
    ),
    bins(
      draws.map((draw) => draw.uniform('p')),
      0,
      1,
    ),
    bins(
      draws.map((draw) => draw.uniform('box', 39)),
      0,
      1,
    ),
    bins(
      draws.map((draw) => draw.integer('left', 8)),
      0,
      8,
    ),
  ])
    for (const n of counts) expect(Math.abs(n - 500)).toBeLessThan(4 * Math.sqrt(500))
  const [degrees, p] = [draws.map((draw) => draw.uniform('degrees')), draws.map((draw) => draw.uniform('p'))]
  const product = degrees.reduce((sum, u, i) => sum + (u - 0.5) * (p[i]! - 0.5), 0) / 4000
  expect(Math.abs(product)).toBeLessThan(4 / 12 / Math.sqrt(4000))
})

test('one of several operations is drawn in proportion to their p', () => {
  const dark = { op: 'gamma', from: 5, to: 5, p: 0.3 }
  const light = { op: 'gamma', from: 0.2, to: 0.2, p: 0.1 }
  const augment = augmentBy(planOf([{ op: 'one-of', p: 0.5, ops: [dark, light] }]), [3])
  const grey = { width: size, height: size, data: new Uint8Array(size * size * 3).fill(128) }
  const shades = Array.from({ length: 2000 }, (_, i) => augment(grey, i).data[0]!)
  const part = (isIt: (shade: number) => boolean) => shades.filter(isIt).length / 2000
  for (const [is, p] of [
    [part((shade) => shade < 128), 0.375],
    [part((shade) => shade > 128), 0.125],
  ] as const)
    expect(Math.abs(is - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 2000))
})

test('noise has the deviation asked for, each colour its own or a pixel one', () => {
  const grey = { width: size, height: size, data: new Uint8Array(size * size * 3).fill(128) }
  const make = (perColour: boolean) => {
    const { data } = augmentBy(planOf([{ op: 'noise', from: 12, to: 12, perColour }]), [3])(grey, 0)
    return Array.from(data, (byte) => byte - 128)
  }
  const noise = make(true)
  const n = noise.length
  const mean = noise.reduce((sum, value) => sum + value) / n
  const variance = noise.reduce((sum, value) => sum + value * value, 0) / n
  expect(Math.abs(mean)).toBeLessThan((4 * 12) / Math.sqrt(n))
  // Rounding adds a twelfth.
  expect(Math.abs(variance - (144 + 1 / 12))).toBeLessThan(4 * 144 * Math.sqrt(2 / n))
  const lone = make(false)
  for (let i = 0; i < n; i += 3) expect(lone[i] === lone[i + 1] && lone[i] === lone[i + 2]).toBe(true)
})

test('erased noise is normal for the model, cut where bytes end', () => {
  const op = { op: 'erase', from: 0.9, to: 0.9, aspect: 1, fill: 'noise' }
  const black = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3) }
  const large = planAugment(opsOf([op]), { ...model, size: 64 })
  const { data } = augmentBy(large, [3])(black, 1)
  const green = Array.from({ length: 64 * 64 }, (_, i) => data[i * 3 + 1]! / 255).map((x) => (x - 0.456) / 0.224)
  const inside = green.filter((z) => z > -2.03)
  expect(inside.length / green.length).toBeGreaterThan(0.85)
  // The same cut of numbers known to be normal.
  const key = streamKey('cut')
  const cut = Array.from({ length: 4096 }, (_, i) => Math.min(2.43, Math.max(-2.036, normal(key, i)))).filter(
    (z) => z > -2.03,
  )
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length
  expect(Math.abs(mean(inside) - mean(cut))).toBeLessThan(4 * Math.sqrt(2 / 3500))
  expect(Math.abs(mean(inside.map((z) => z * z)) - mean(cut.map((z) => z * z)))).toBeLessThan(8 * Math.sqrt(2 / 3500))
})

test('pictures are resized after the last operation that wants them in their own size', () => {
  const place = (spec: unknown) => resizePlace(opsOf(spec))
  expect(place([{ op: 'flip' }, { op: 'rotate', degrees: 5 }])).toBe(0)
  expect(place([{ op: 'flip' }, { op: 'crop' }, { op: 'flip' }])).toBe(2)
  expect(place([{ op: 'flip' }, { op: 'one-of', ops: [{ op: 'crop' }] }, { op: 'flip' }])).toBe(2)
  expect(place([{ op: 'crop' }, { op: 'flip' }, { op: 'resize' }, { op: 'flip' }])).toBe(2)
  expect([place('imet-256'), place('imet-320')]).toEqual([3, 5])
})

test.each(['imet-256', 'imet-320'])('preset %s makes squares of any picture, mostly new ones', (preset) => {
  const augment = augmentBy(planOf(preset), [1])
  for (const [width, height] of [
    [16, 16],
    [19, 40],
    [90, 33],
    [5, 7],
  ] as const) {
    const picture = aPicture(width, height)
    const made = Array.from({ length: 20 }, (_, sample) => augment(picture, sample))
    for (const { data } of made) expect(data).toHaveLength(size * size * 3)
    expect(new Set(made.map(({ data }) => data.join())).size).toBeGreaterThan(preset === 'imet-256' ? 18 : 8)
  }
})

test('predictions take the middle of what is cut, and draw only what moves pictures', () => {
  expect(plainOps([{ op: 'flip', p: 1 }])).toEqual([])
  const crop = { op: 'crop', p: 1, size: null } as const
  expect(plainOps('imet-256')).toEqual([{ ...crop, centre: 1 }])
  const picture = aPicture(20, 18)
  const plain = augmentBy(planAugment(plainOps('imet-256'), model), [])(picture, 0)
  const middle = Array.from({ length: 16 * 16 * 3 }, (_, i) => {
    const [x, y] = [2 + (Math.floor(i / 3) % 16), 1 + Math.floor(i / 48)]
    return picture.data[(y * 20 + x) * 3 + (i % 3)]
  })
  expect([...plain.data]).toEqual(middle)

  const spec = AugmentSpec.parse(everything)
  expect(viewOps(spec).map(({ op }) => op)).toEqual(['scale', 'rotate', 'crop', 'flip', 'one-of', 'shift-scale-rotate'])
  expect(viewOps(spec)[4]).toMatchObject({ p: 0.7 / 1.5, ops: [{ op: 'shift' }] })
})
