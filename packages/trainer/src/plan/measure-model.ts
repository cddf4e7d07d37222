import { modelsOf } from '@baton/contracts'
import type { ExperimentSpec, ModelSpec } from '@baton/contracts'
import type { Rank } from '@tensorflow/tfjs'
import { buildModel } from '../models/build.ts'
import { runGroups, trainedVariables } from '../models/groups.ts'
import type { ModelVariable } from '../models/model.ts'
import { createOptimizer } from '../optimizers/optimizer.ts'

/** What a model is made of, in numbers: those of 4 bytes that memory and checkpoints hold. */
export interface ModelSize {
  /** Trained weights, those of all groups, and statistics of normalisation beside them. */
  readonly parameters: number
  readonly statistics: number
  /** Outputs of all operations of one forward pass of one picture, in training. */
  readonly activations: number
  /** Numbers of a picture's embedding. */
  readonly embedding: number
  /** By stage: weights that it trains, and numbers that its optimizer keeps of them. */
  readonly stages: readonly { readonly trained: number; readonly slots: number }[]
}

/** Operations whose output is their input's memory under another shape. */
const views = new Set(['Reshape', 'Identity', 'Cast', 'ExpandDims'])
/** Every network here has shrunk this to one pixel at its last map, so it is the smallest picture that is like a larger one. */
const probeSide = 32

/**
 * Counts what a spec's model is made of by building it with empty weights and passing one picture of 32 pixels through
 * it, in JavaScript: no TensorFlow library is loaded. Maps grow with the picture's area, so
 *
 *   activations(size) = activations(32) · (size / 32)²,  and those of images below 32 pixels as they are
 *
 * Of several models it is the one with the most weights. Null for a bundle's: only the bundle's own code could build it.
 */
export async function measureModel(
  spec: Pick<ExperimentSpec, 'image' | 'stages' | 'model'>,
  classes: number,
): Promise<ModelSize | null> {
  const sizes: ModelSize[] = []
  for (const model of modelsOf(spec)) {
    if (model.name === 'bundle') return null
    sizes.push(await measureOne(model, spec, classes))
  }
  return sizes.reduce((largest, size) => (size.parameters > largest.parameters ? size : largest))
}

async function measureOne(
  spec: ModelSpec,
  { image, stages }: Pick<ExperimentSpec, 'image' | 'stages'>,
  classes: number,
): Promise<ModelSize> {
  const tf = await import('@tensorflow/tfjs')
  // It would tell people on Node that there is something faster.
  tf.env().set('PROD', true)
  await tf.setBackend('cpu')
  const side = Math.min(probeSide, image.size)
  const model = buildModel(withStemOf(spec, image.size), {
    tf,
    classes,
    imageSize: side,
    seed: 0,
    blank: true,
  })
  try {
    const picture = tf.zeros<Rank.R4>([1, side, side, 3])
    const seed = tf.tensor1d([0, 0], 'int32')
    const passOf = () => ({ training: true, seed }) as const
    let embedding = 0
    const { kernels } = await tf.profile(() => {
      const features = runGroups(model.groups.slice(0, -1), picture, passOf)
      embedding = features.shape.at(-1)!
      return runGroups(model.groups.slice(-1), features, passOf)
    })
    const outputs = kernels.filter(({ name }) => !views.has(name)).flatMap(({ outputShapes }) => outputShapes)
    const elements = outputs.reduce((sum, shape) => sum + shape.reduce((product, n) => product * n, 1), 0)
    const byStage = stages.map((stage) => {
      const trained = trainedVariables(model, stage)
      const optimizer = createOptimizer(tf, stage.optimizer, trained)
      const slots = optimizer.state.reduce((sum, { variable }) => sum + variable.size, 0)
      optimizer.dispose()
      return { trained: sizeOf(trained), slots }
    })
    return {
      parameters: sizeOf(model.variables.filter(({ role }) => role !== 'statistic')),
      statistics: sizeOf(model.variables.filter(({ role }) => role === 'statistic')),
      activations: Math.round(elements * (image.size / side) ** 2),
      embedding,
      stages: byStage,
    }
  } finally {
    model.dispose()
  }
}

/** A `resnet` chooses its stem by the size of the pictures, which is not that of the probe. */
function withStemOf(model: ModelSpec, size: number): ModelSpec {
  return model.name === 'resnet' && model.stem === null ? { ...model, stem: size < 64 ? 'cifar' : 'imagenet' } : model
}

function sizeOf(variables: readonly ModelVariable[]): number {
  return variables.reduce((sum, { variable }) => sum + variable.size, 0)
}
