import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { GroupTools } from './groups.ts'
import type { Layer, Layers } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

type MapLayer = Layer<Tensor4D, Tensor4D>

/** From this side on, images are first brought to a quarter; below it, so little is left that details would go. */
const LARGE_IMAGE = 64

/**
 * ResNet of basic blocks: `layers` [2, 2, 2, 2] with `width` 64 is ResNet-18, [3, 4, 6, 3] is ResNet-34.
 *
 * Group g has `width · 2^g` channels and, from the second on, halves the map. Images of 64 pixels and more get the
 * stem for ImageNet (7×7 convolution and 3×3 max pooling, each of stride 2), smaller ones that for CIFAR (3×3). The
 * stem and every group are layer groups.
 *
 * @see He, Zhang, Ren, Sun: Deep Residual Learning, table 1 and section 4.2, https://arxiv.org/abs/1512.03385
 */
export function buildResnet(
  { width, layers: blocksOf, dropout }: Extract<ModelSpec, { name: 'resnet' }>,
  { layersOf, classes, imageSize }: GroupTools,
): LayerGroup[] {
  const channels = (group: number) => width * 2 ** group
  const buildGroup = (count: number, g: number): LayerGroup => {
    const name = `group${g + 1}`
    const blocks = Array.from({ length: count }, (_, b) => {
      const inputs = b > 0 ? channels(g) : channels(Math.max(0, g - 1))
      const stride = b === 0 && g > 0 ? 2 : 1
      return basicBlock(layersOf(name).in(`block${b}`), { inputs, filters: channels(g), stride })
    })
    return { name, run: (x: Tensor4D, pass: Pass) => blocks.reduce((map, block) => block(map, pass), x) }
  }
  return [
    { name: 'stem', run: buildStem(layersOf('stem'), width, imageSize) },
    ...blocksOf.map(buildGroup),
    poolAndClassify(layersOf(HEAD), { inputs: channels(blocksOf.length - 1), classes, dropout }),
  ]
}

function buildStem(stem: Layers, filters: number, imageSize: number): MapLayer {
  const { tf } = stem
  const isLarge = imageSize >= LARGE_IMAGE
  const conv = stem.conv2d('conv', { inputs: 3, filters, size: isLarge ? 7 : 3, stride: isLarge ? 2 : 1 })
  const norm = stem.batchNorm('bn', filters)
  return (x, pass) => {
    const y = tf.relu(norm(conv(x, pass), pass))
    return isLarge ? tf.maxPool(y, 3, 2, 'same') : y
  }
}

/** relu(x' + bn2(conv2(relu(bn1(conv1(x)))))), x' being x, or a 1×1 projection of it where the shape changes. */
function basicBlock(block: Layers, size: { inputs: number; filters: number; stride: number }): MapLayer {
  const { tf } = block
  const { inputs, filters, stride } = size
  const conv1 = block.conv2d('conv1', { inputs, filters, size: 3, stride })
  const bn1 = block.batchNorm('bn1', filters)
  const conv2 = block.conv2d('conv2', { inputs: filters, filters, size: 3 })
  const bn2 = block.batchNorm('bn2', filters)
  const shortcut = stride === 1 && inputs === filters ? undefined : projection(block.in('shortcut'), size)
  return (x, pass) => {
    const y = bn2(conv2(tf.relu(bn1(conv1(x, pass), pass)), pass), pass)
    return tf.relu(tf.add(y, shortcut ? shortcut(x, pass) : x))
  }
}

/**
 * A 1×1 convolution of the stride, and its normalisation.
 *
 * The pixels that the stride keeps are picked beforehand, by a pooling of one pixel: in TensorFlow 2.15 with oneDNN the
 * filter's gradient of a 1×1 convolution of stride 2 writes past its memory when the batch is odd.
 */
function projection(
  layers: Layers,
  { inputs, filters, stride }: { inputs: number; filters: number; stride: number },
): MapLayer {
  const conv = layers.conv2d('conv', { inputs, filters, size: 1 })
  const norm = layers.batchNorm('bn', filters)
  const kept = (x: Tensor4D) => (stride === 1 ? x : layers.tf.avgPool(x, 1, stride, 'same'))
  return (x, pass) => norm(conv(kept(x), pass), pass)
}
