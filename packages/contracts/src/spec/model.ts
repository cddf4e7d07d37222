import { z } from 'zod'
import { ArtifactName } from '../ids.ts'
import type { ImageSpec } from './image.ts'
import { oneOrMore } from './parts.ts'
import type { AddFault } from './parts.ts'
import type { StageSpec } from './stage.ts'

/** Part of the head's inputs that dropout sets to 0 in training. */
const Dropout = z.number().min(0).max(0.9).default(0)

/** What training starts with: an artifact of the project that holds weights; null: initial values of its own. */
const Weights = z.strictObject({ artifact: ArtifactName }).nullable().default(null)

/** Of a residual network: 7×7 convolution and max pooling, each of stride 2; or one 3×3 convolution. */
const Stem = z.enum(['imagenet', 'cifar'])

/** What the networks named as in timm share. With the defaults their weights have timm's names and shapes. */
const timmOptions = {
  /** Factor to the channels of all layers. */
  width: z.number().min(0.125).max(2).default(1),
  dropout: Dropout,
  weights: Weights,
}

export const ModelSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('convnet'),
    /** Channels of the first block; each further block doubles them. */
    width: z.int().min(1).max(512).default(16),
    blocks: z.int().min(1).max(6).default(3),
    dropout: Dropout,
    weights: Weights,
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
    weights: Weights,
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
    weights: Weights,
  }),
])
export type ModelSpec = z.infer<typeof ModelSpec>

/** One model for every fold, or several, of which each fold draws one. */
export const ModelChoice = oneOrMore(ModelSpec, { max: 50 })
export type ModelChoice = z.infer<typeof ModelChoice>

/** Those that folds may have. */
export function modelsOf({ model }: { readonly model: ModelChoice }): readonly ModelSpec[] {
  return Array.isArray(model) ? model : [model]
}

/** DenseNet halves pictures five times without a frame around them: of a smaller side nothing is left. In pixels. */
const LEAST_OF_DENSENET = 29

/** Pictures must be large enough for each model. Paths are relative to the whole spec. */
export function checkModelSizes(
  spec: { readonly model: ModelChoice; readonly image: ImageSpec; readonly stages: readonly StageSpec[] },
  fault: AddFault,
): void {
  if (!modelsOf(spec).some(({ name }) => name === 'densenet161')) return
  const check = (size: number | null, path: readonly PropertyKey[]) => {
    if (size !== null && size < LEAST_OF_DENSENET)
      fault(
        path,
        `densenet161 leaves nothing of pictures below ${LEAST_OF_DENSENET} pixels; give more, or another model`,
      )
  }
  check(spec.image.size, ['image', 'size'])
  spec.stages.forEach(({ imageSize }, i) => check(imageSize, ['stages', i, 'imageSize']))
}

/** The model of a fold: of several each is as likely, as a pure function of seed and fold. @param fold 0-based */
export function modelOf(spec: { readonly model: ModelChoice; readonly seed: number }, fold: number): ModelSpec {
  const models = modelsOf(spec)
  return models[Math.floor((mix32(mix32(spec.seed) ^ (fold + 1)) / 2 ** 32) * models.length)]!
}

/**
 * Spreads an integer over all 32 bits.
 * @see MurmurHash3's finaliser fmix32, https://github.com/aappleby/smhasher
 */
function mix32(value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
