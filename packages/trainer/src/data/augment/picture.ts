/** RGB bytes, row-major. [height, width, 3] */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** What a sample's picture is wanted as: a square of so many pixels, or in its own size. */
export type PictureKind = number | 'original'
