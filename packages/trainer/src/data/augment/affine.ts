/**
 * Where a place of a new picture lies in the old one. Coordinates are pixels, x to the right and y down, and a pixel's
 * centre is at its whole numbers.
 *
 *   x' = a x + b y + c,  y' = d x + e y + f
 */
export interface Affine {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly e: number
  readonly f: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export const identity: Affine = { a: 1, b: 0, c: 0, d: 0, e: 1, f: 0 }

/** From the newest picture by `inner` to the one before it, and from there by `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  return {
    a: outer.a * inner.a + outer.b * inner.d,
    b: outer.a * inner.b + outer.b * inner.e,
    c: outer.a * inner.c + outer.b * inner.f + outer.c,
    d: outer.d * inner.a + outer.e * inner.d,
    e: outer.d * inner.b + outer.e * inner.e,
    f: outer.d * inner.c + outer.e * inner.f + outer.f,
  }
}

/** Mirrors left and right. */
export function flipped({ width }: Size): Affine {
  return { ...identity, a: -1, c: width - 1 }
}

/** The picture that begins at this place of the old one. */
export function from(left: number, top: number): Affine {
  return { ...identity, c: left, f: top }
}

/** The whole of the old picture in another size: edges meet edges, as in cv2.resize. */
export function resized(old: Size, fresh: Size): Affine {
  const [a, e] = [old.width / fresh.width, old.height / fresh.height]
  return { a, b: 0, c: a / 2 - 0.5, d: 0, e, f: e / 2 - 0.5 }
}

/**
 * Turned about the centre and enlarged, then moved.
 *
 * @param degrees Anticlockwise, as in cv2.getRotationMatrix2D.
 * @param scale Above 1 the picture gets larger.
 * @param right, down In pixels.
 */
export function turned(
  { width, height }: Size,
  { degrees, scale, right, down }: { degrees: number; scale: number; right: number; down: number },
): Affine {
  const radians = (degrees * Math.PI) / 180
  const [cos, sin] = [Math.cos(radians) / scale, Math.sin(radians) / scale]
  const [x, y] = [(width - 1) / 2, (height - 1) / 2]
  const [movedX, movedY] = [x + right, y + down]
  return { a: cos, b: -sin, c: x - cos * movedX + sin * movedY, d: sin, e: cos, f: y - sin * movedX - cos * movedY }
}
