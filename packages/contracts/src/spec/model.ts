import { z } from 'zod'

export const ModelSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('convnet'),
    /** Channels of the first block; each further block doubles them. */
    width: z.int().min(1).max(512).default(16),
    blocks: z.int().min(1).max(6).default(3),
    dropout: z.number().min(0).max(0.9).default(0),
  }),
  z.strictObject({
    name: z.literal('resnet'),
    /** Channels of the stem; each further group doubles them. */
    width: z.int().min(1).max(512).default(16),
    /** Basic blocks in each group: [2, 2, 2, 2] with width 64 is ResNet-18. */
    layers: z.array(z.int().min(1).max(36)).min(1).max(4).default([1, 1, 1]),
    dropout: z.number().min(0).max(0.9).default(0),
  }),
  z.strictObject({
    /** The code bundle's `model` export builds it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type ModelSpec = z.infer<typeof ModelSpec>
