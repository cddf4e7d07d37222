import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { GroupTools } from './groups.ts'
import type { Layers, MapLayer } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/** What tells residual networks apart. */
interface Shape {
  readonly block: 'basic' | 'bottleneck'
  /** Blocks of each group. */
  readonly layers: readonly number[]
  /** Groups of the middle convolution of a bottleneck, each of so many channels for every 64 of the block. */
  readonly cardinality: number
  readonly groupWidth: number
  /** Whether blocks weigh their channels. */
  readonly squeezes: boolean
}

const plain = { cardinality: 1, groupWidth: 64, squeezes: false } as const
const seresnext = { block: 'bottleneck', cardinality: 32, groupWidth: 4, squeezes: true } as const

const shapes = {
  resnet18: { ...plain, block: 'basic', layers: [2, 2, 2, 2] },
  resnet34: { ...plain, block: 'basic', layers: [3, 4, 6, 3] },
  resnet50: { ...plain, block: 'bottleneck', layers: [3, 4, 6, 3] },
  seresnext50_32x4d: { ...seresnext, layers: [3, 4, 6, 3] },
  seresnext101_32x4d: { ...seresnext, layers: [3, 4, 23, 3] },
} as const satisfies Record<string, Shape>

/** From this side on, images are first brought to a quarter; below it, so little is left that details would go. */
const LARGE_IMAGE = 64

type ResnetSpec = Extract<ModelSpec, { name: 'resnet' }>
type NamedSpec = Extract<ModelSpec, { name: keyof typeof shapes }>

/** A residual network of basic blocks with as many groups as wanted; [2, 2, 2, 2] with `width` 64 is resnet18. */
export function buildResnet({ width, layers, stem, dropout }: ResnetSpec, tools: GroupTools): LayerGroup[] {
  const shape: Shape = { ...plain, block: 'basic', layers }
  return buildResidual(shape, width, stem ?? (tools.imageSize < LARGE_IMAGE ? 'cifar' : 'imagenet'), dropout, tools)
}

/** The residual networks of timm by their names there; `width` is a factor to all channels. */
export function buildNamedResnet({ name, width, stem, dropout }: NamedSpec, tools: GroupTools): LayerGroup[] {
  return buildResidual(shapes[name], Math.round(64 * width), stem, dropout, tools)
}

/**
 * Group g, `layer1` being the first, has blocks of `width · 2^g` channels and, from the second on, halves the map. The
 * stem and every group are layer groups. Names are those of timm, with slashes.
 *
 * @see He, Zhang, Ren, Sun: Deep Residual Learning, table 1 and section 4.2, https://arxiv.org/abs/1512.03385
 */
function buildResidual(
  shape: Shape,
  width: number,
  stem: NamedSpec['stem'],
  dropout: number,
  { layersOf, classes }: GroupTools,
): LayerGroup[] {
  let channels = width
  const buildGroup = (count: number, g: number): LayerGroup => {
    const name = `layer${g + 1}`
    const blocks = Array.from({ length: count }, (_, b) => {
      const size = { inputs: channels, width: width * 2 ** g, stride: b === 0 && g > 0 ? 2 : 1 }
      channels = size.width * expansion[shape.block]
      return residualBlock(layersOf(name).in(String(b)), shape, size)
    })
    return { name, run: (x: Tensor4D, pass: Pass) => blocks.reduce((map, block) => block(map, pass), x) }
  }
  return [
    { name: 'stem', run: buildStem(layersOf('stem', ''), stem, width) },
    ...shape.layers.map(buildGroup),
    poolAndClassify(layersOf(HEAD, ''), 'fc', { inputs: channels, classes, dropout }),
  ]
}

/** For ImageNet a 7×7 convolution and a 3×3 max pooling, each of stride 2; for CIFAR a 3×3 convolution. */
function buildStem(layers: Layers, stem: NamedSpec['stem'], filters: number): MapLayer {
  const isLarge = stem === 'imagenet'
  const conv = layers.conv2d('conv1', { inputs: 3, filters, size: isLarge ? 7 : 3, stride: isLarge ? 2 : 1 })
  const norm = layers.batchNorm('bn1', filters)
  return (x, pass) => {
    const y = layers.relu(norm(conv(x, pass), pass))
    return isLarge ? layers.maxPool(y, { size: 3, stride: 2, pad: 1 }) : y
  }
}

interface BlockSize {
  readonly inputs: number
  readonly width: number
  readonly stride: number
}

/** Outputs of a block for each of its channels. */
const expansion = { basic: 1, bottleneck: 4 } as const

/** relu(x' + branch(x)), x' being x, or a 1×1 projection of it where the shape changes. */
function residualBlock(block: Layers, shape: Shape, size: BlockSize): MapLayer {
  const { inputs, width, stride } = size
  const filters = width * expansion[shape.block]
  const branch = shape.block === 'basic' ? basicBranch(block, size) : bottleneckBranch(block, shape, size)
  const weigh = shape.squeezes ? squeezeAndExcite(block.in('se'), filters) : undefined
  const shortcut = stride === 1 && inputs === filters ? undefined : projection(block, { inputs, filters, stride })
  return (x, pass) => {
    const y = branch(x, pass)
    return block.relu(block.add(weigh ? weigh(y, pass) : y, shortcut ? shortcut(x, pass) : x))
  }
}

/** bn2(conv2(relu(bn1(conv1(x))))) */
function basicBranch(block: Layers, { inputs, width, stride }: BlockSize): MapLayer {
  const conv1 = block.conv2d('conv1', { inputs, filters: width, size: 3, stride })
  const bn1 = block.batchNorm('bn1', width)
  const conv2 = block.conv2d('conv2', { inputs: width, filters: width, size: 3 })
  const bn2 = block.batchNorm('bn2', width)
  return (x, pass) => bn2(conv2(block.relu(bn1(conv1(x, pass), pass)), pass), pass)
}

/**
 * bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))): 1×1 to a narrow map, 3×3 in groups, 1×1 to a wide one.
 *
 * @see Xie et al.: Aggregated Residual Transformations, figure 3c, https://arxiv.org/abs/1611.05431
 */
function bottleneckBranch(block: Layers, shape: Shape, { inputs, width, stride }: BlockSize): MapLayer {
  const { cardinality: groups, groupWidth } = shape
  // Of a narrow net too, a group has a channel.
  const narrow = Math.max(1, Math.floor((width * groupWidth) / 64)) * groups
  const filters = width * expansion.bottleneck
  const conv1 = block.conv2d('conv1', { inputs, filters: narrow, size: 1 })
  const bn1 = block.batchNorm('bn1', narrow)
  const conv2 = block.conv2d('conv2', { inputs: narrow, filters: narrow, size: 3, stride, groups })
  const bn2 = block.batchNorm('bn2', narrow)
  const conv3 = block.conv2d('conv3', { inputs: narrow, filters, size: 1 })
  const bn3 = block.batchNorm('bn3', filters)
  return (x, pass) => {
    const y = block.relu(bn1(conv1(x, pass), pass))
    return bn3(conv3(block.relu(bn2(conv2(y, pass), pass)), pass), pass)
  }
}

/**
 * x · σ(fc2(relu(fc1(mean of x)))): each channel times a weight that the means of all decide. The narrow layer has a
 * sixteenth of the channels, in steps of 8.
 *
 * @see Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks, eq. 2 to 4, https://arxiv.org/abs/1709.01507
 */
function squeezeAndExcite(layers: Layers, channels: number): MapLayer {
  const narrow = Math.max(8, Math.floor((channels / 16 + 4) / 8) * 8)
  const fc1 = layers.conv2d('fc1', { inputs: channels, filters: narrow, size: 1, bias: true })
  const fc2 = layers.conv2d('fc2', { inputs: narrow, filters: channels, size: 1, bias: true })
  return (x, pass) => {
    const narrowed = layers.relu(fc1(layers.globalAverageMap(x), pass))
    return layers.multiply(x, layers.sigmoid(fc2(narrowed, pass)))
  }
}

/** A 1×1 convolution of the stride, and its normalisation. */
function projection(
  block: Layers,
  { inputs, filters, stride }: { inputs: number; filters: number; stride: number },
): MapLayer {
  const conv = block.conv2d('downsample/0', { inputs, filters, size: 1, stride })
  const norm = block.batchNorm('downsample/1', filters)
  return (x, pass) => norm(conv(x, pass), pass)
}
