import { z } from 'zod'

/** Part of the head's inputs that dropout sets to 0 in training. */
const Dropout = z.number().min(0).max(0.9).default(0)

/** Of a residual network: 7×7 convolution and max pooling, each of stride 2; or one 3×3 convolution. */
const Stem = z.enum(['imagenet', 'cifar'])

/** What the networks named as in timm share. With the defaults their weights have timm's names and shapes. */
const timmOptions = {
  /** Factor to the channels of all layers. */
  width: z.number().min(0.125).max(2).default(1),
  dropout: Dropout,
}

export const ModelSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('convnet'),
    /** Channels of the first block; each further block doubles them. */
    width: z.int().min(1).max(512).default(16),
    blocks: z.int().min(1).max(6).default(3),
    dropout: Dropout,
  }),
  z.strictObject({
    name: z.literal('resnet'),
    /** Channels of the stem; each further group doubles them. */
    width: z.int().min(1).max(512).default(16),
    /** Basic blocks in each group: [2, 2, 2, 2] with width 64 is ResNet-18. */
    layers: z.array(z.int().min(1).max(36)).min(1).max(4).default([1, 1, 1]),
    /** null: `imagenet` for images of 64 pixels and more, `cifar` for smaller ones. */
    stem: Stem.nullable().default(null),
    dropout: Dropout,
  }),
  z.strictObject({
    name: z.enum(['resnet18', 'resnet34', 'resnet50', 'seresnext50_32x4d', 'seresnext101_32x4d']),
    ...timmOptions,
    stem: Stem.default('imagenet'),
  }),
  z.strictObject({ name: z.literal('densenet161'), ...timmOptions }),
  z.strictObject({ name: z.literal('mobilenetv2'), ...timmOptions }),
  z.strictObject({
    /** The code bundle's `model` export builds it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type ModelSpec = z.infer<typeof ModelSpec>
