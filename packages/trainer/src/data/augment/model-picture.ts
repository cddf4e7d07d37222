import type { ImageSpec, StageSpec } from '@baton/contracts'

/** What operations need to know of the picture that the model takes; `size` is that of the stage. */
export type ModelPicture = Pick<ImageSpec, 'size' | 'resize' | 'interpolation' | 'background' | 'mean' | 'std'>

/** Side of the pictures that a stage trains on, in pixels. */
export function trainSize({ imageSize }: Pick<StageSpec, 'imageSize'>, { size }: Pick<ImageSpec, 'size'>): number {
  return imageSize ?? size
}
