import { z } from 'zod'
import { Positive } from './parts.ts'

/** Side of the square that a model sees, in pixels. */
export const ImageSize = z.int().min(8).max(1024)

export const ImageSpec = z.strictObject({
  size: ImageSize,
  /** `stretch` to the square; `pad` keeps the aspect ratio. */
  resize: z.enum(['stretch', 'pad']).default('stretch'),
  /**
   * What a resized pixel is made of, as Pillow and torchvision resize: the kernel is as wide as a pixel of the smaller
   * picture. `bicubic` and `lanczos` are sharper, and take two and three times as long.
   */
  interpolation: z.enum(['bilinear', 'bicubic', 'lanczos']).default('bilinear'),
  /** Colour, 0 to 255, behind transparent pixels and padding. */
  background: z.int().min(0).max(255).default(255),
  mean: z.tuple([z.number(), z.number(), z.number()]).default([0.485, 0.456, 0.406]),
  std: z.tuple([Positive, Positive, Positive]).default([0.229, 0.224, 0.225]),
})
export type ImageSpec = z.infer<typeof ImageSpec>
