import type { Affine, Size } from './affine.ts'
import type { Picture } from './picture.ts'

/** What shows beyond the edges: the mirror image without the edge itself (reflect-101), or a grey from 0 to 255. */
export type Border = 'reflect' | number

/**
 * A picture of this size, each pixel taken from where `map` says that it lies in the source: by bilinear interpolation,
 * rounded to the nearest byte, halves up. Places that fall on pixels are copied.
 */
export function render(source: Picture, map: Affine, size: Size, border: Border): Picture {
  const target = { ...size, data: new Uint8Array(size.width * size.height * 3) }
  if (isMove(map)) move(source, map, target, border)
  else interpolate(source, map, target, border)
  return target
}

/** Flips and whole steps. */
function isMove({ a, b, c, d, e, f }: Affine): boolean {
  return Math.abs(a) === 1 && b === 0 && d === 0 && e === 1 && Number.isInteger(c) && Number.isInteger(f)
}

function move(source: Picture, { a, c, f }: Affine, { width, height, data }: Picture, border: Border): void {
  if (border !== 'reflect') data.fill(border)
  const columns = Int32Array.from({ length: width }, (_, x) => placeOf(a * x + c, source.width, border) * 3)
  for (let y = 0; y < height; y++) {
    const row = placeOf(y + f, source.height, border)
    if (row < 0) continue
    const from = row * source.width * 3
    let to = y * width * 3
    for (let x = 0; x < width; x++, to += 3) {
      const column = columns[x]!
      if (column < 0) continue
      data[to] = source.data[from + column]!
      data[to + 1] = source.data[from + column + 1]!
      data[to + 2] = source.data[from + column + 2]!
    }
  }
}

/** Index of the pixel that shows at a whole number on an axis; negative for the background. */
function placeOf(at: number, length: number, border: Border): number {
  if (at >= 0 && at < length) return at
  return border === 'reflect' ? reflect(at, length) : -1
}

/** … 2 1 | 0 1 2 … n−1 | n−2 n−3 …, again and again. */
function reflect(at: number, length: number): number {
  if (length === 1) return 0
  const period = 2 * (length - 1)
  const within = Math.abs(at) % period
  return within < length ? within : period - within
}

function interpolate(source: Picture, map: Affine, { width, height, data }: Picture, border: Border): void {
  const { a, b, c, d, e, f } = map
  const { data: pixels, width: sourceWidth, height: sourceHeight } = source
  const rowBytes = sourceWidth * 3
  let to = 0
  for (let y = 0; y < height; y++) {
    const rowX = b * y + c
    const rowY = e * y + f
    for (let x = 0; x < width; x++, to += 3) {
      const sourceX = a * x + rowX
      const sourceY = d * x + rowY
      const left = Math.floor(sourceX)
      const top = Math.floor(sourceY)
      const weightX = sourceX - left
      const weightY = sourceY - top
      if (left < 0 || top < 0 || left >= sourceWidth - 1 || top >= sourceHeight - 1) {
        interpolateAtEdge(source, { left, top, weightX, weightY }, data, to, border)
        continue
      }
      const at = top * rowBytes + left * 3
      const below = at + rowBytes
      // Written out: a loop over the colours is slower by a fifth.
      const red = pixels[at]! + (pixels[at + 3]! - pixels[at]!) * weightX
      const green = pixels[at + 1]! + (pixels[at + 4]! - pixels[at + 1]!) * weightX
      const blue = pixels[at + 2]! + (pixels[at + 5]! - pixels[at + 2]!) * weightX
      const redBelow = pixels[below]! + (pixels[below + 3]! - pixels[below]!) * weightX
      const greenBelow = pixels[below + 1]! + (pixels[below + 4]! - pixels[below + 1]!) * weightX
      const blueBelow = pixels[below + 2]! + (pixels[below + 5]! - pixels[below + 2]!) * weightX
      data[to] = red + (redBelow - red) * weightY + 0.5
      data[to + 1] = green + (greenBelow - green) * weightY + 0.5
      data[to + 2] = blue + (blueBelow - blue) * weightY + 0.5
    }
  }
}

function interpolateAtEdge(
  { data: pixels, width, height }: Picture,
  { left, top, weightX, weightY }: { left: number; top: number; weightX: number; weightY: number },
  target: Uint8Array,
  to: number,
  border: Border,
): void {
  const [x0, x1] = [placeOf(left, width, border), placeOf(left + 1, width, border)]
  const [y0, y1] = [placeOf(top, height, border), placeOf(top + 1, height, border)]
  for (let colour = 0; colour < 3; colour++) {
    const at = (x: number, y: number) => (x < 0 || y < 0 ? Number(border) : pixels[(y * width + x) * 3 + colour]!)
    const upper = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * weightX
    const lower = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * weightX
    target[to + colour] = upper + (lower - upper) * weightY + 0.5
  }
}
