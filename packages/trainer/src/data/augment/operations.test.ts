import { AugmentOp, ImageSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import reference from '../fixtures/augment.json' with { type: 'json' }
import { openCanvas } from './canvas.ts'
import type { Draw } from './draws.ts'
import { doMove, isMoveOp } from './move-op.ts'
import { doPixels } from './pixel-op.ts'
import type { PixelOp } from './pixel-op.ts'

const picture = { width: reference.width, height: reference.height, data: Uint8Array.from(reference.picture) }
const model = ImageSpec.parse({ size: reference.size, background: reference.background })

/** What the reference drew, and nothing else. */
function drawsOf(draws: Readonly<Record<string, number | number[]>>): Draw {
  const uniform = (parameter: string, i = 0): number => {
    const drawn = draws[parameter] ?? 0.5
    return typeof drawn === 'number' ? drawn : drawn[i]!
  }
  return {
    uniform,
    within: (parameter, limit) => limit * (2 * uniform(parameter) - 1),
    integer: (parameter, below) => Math.floor(uniform(parameter) * below),
    normal: () => () => 0,
  }
}

const cases = reference.cases as unknown as {
  op: { op: string }
  draws: Record<string, number | number[]>
  width: number
  height: number
  data: number[]
}[]

test.each(cases)('$op equals its reference', ({ op: input, draws, width, height, data }) => {
  const op = AugmentOp.parse(input) as Exclude<AugmentOp, { op: 'resize' | 'one-of' }>
  const canvas = openCanvas(picture, false)
  if (isMoveOp(op)) doMove(canvas, op, model, drawsOf(draws))
  else doPixels(canvas.settleToWrite(), op satisfies PixelOp, model, drawsOf(draws))
  const result = canvas.settle()
  expect([result.width, result.height]).toEqual([width, height])
  // Half a byte of rounding, and its ties.
  result.data.forEach((byte, i) => expect(Math.abs(byte - data[i]!)).toBeLessThan(0.5001))
  expect([...picture.data]).toEqual(reference.picture)
})
