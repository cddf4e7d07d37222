import { compose, identity } from './affine.ts'
import type { Affine, Size } from './affine.ts'
import type { Picture } from './picture.ts'
import { render } from './render.ts'
import type { Border } from './render.ts'

/**
 * A picture that is being worked on. Moves follow each other as one map and are made at once, when something needs the
 * bytes: the picture is interpolated once, and only where it shows in the end.
 */
export interface Canvas {
  /** Of what shows now. */
  readonly size: Size
  /** Lays a move over what shows. @param border What shows beyond its edges; null: they do not come into view */
  move(map: Affine, size: Size, border: Border | null): void
  /** What shows. */
  settle(): Picture
  /** The same, to be written to. */
  settleToWrite(): Picture
}

/** @param isOwn Whether the picture's bytes may be written to. */
export function openCanvas(start: Picture, isOwn: boolean): Canvas {
  let picture = start
  let isWritable = isOwn
  let map = identity
  let size: Size = start
  let border: Border | null = null

  function settle(): Picture {
    if (map === identity) return picture
    picture = render(picture, map, size, border ?? 'reflect')
    isWritable = true
    map = identity
    border = null
    return picture
  }

  return {
    get size() {
      return size
    },
    move(next, nextSize, nextBorder) {
      // What earlier moves uncovered keeps their border.
      if (nextBorder !== null && border !== null && nextBorder !== border) settle()
      map = compose(map, next)
      size = { width: nextSize.width, height: nextSize.height }
      border = nextBorder ?? border
    },
    settle,
    settleToWrite() {
      settle()
      // Not `slice`: a Buffer's shares its bytes.
      if (!isWritable) picture = { ...picture, data: new Uint8Array(picture.data) }
      isWritable = true
      return picture
    },
  }
}
