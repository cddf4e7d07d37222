import type { ImageSpec } from '@baton/contracts'

/** What operations need to know of the picture that the model takes; `size` is that of the stage. */
export type ModelPicture = Pick<ImageSpec, 'size' | 'resize' | 'background' | 'mean' | 'std'>
