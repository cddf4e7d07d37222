import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { GroupTools } from './groups.ts'
import type { Conv2dOptions, Layers, MapLayer } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/** Rows of table 2: how many times a block is as wide inside, channels, blocks, and stride of the first one. */
const ROWS = [
  { group: 'stem', expansion: 1, channels: 16, count: 1, stride: 1 },
  { group: 'layer1', expansion: 6, channels: 24, count: 2, stride: 2 },
  { group: 'layer2', expansion: 6, channels: 32, count: 3, stride: 2 },
  { group: 'layer3', expansion: 6, channels: 64, count: 4, stride: 2 },
  { group: 'layer3', expansion: 6, channels: 96, count: 3, stride: 1 },
  { group: 'layer4', expansion: 6, channels: 160, count: 3, stride: 2 },
  { group: 'layer4', expansion: 6, channels: 320, count: 1, stride: 1 },
] as const
const GROUPS = ['stem', 'layer1', 'layer2', 'layer3', 'layer4'] as const
/** Channels that the head sees, at least. */
const FEATURES = 1280

/**
 * MobileNetV2, timm's `mobilenetv2_100` with `width` 1: inverted residuals, wide inside and narrow between, with one
 * filter a channel. All that sees maps of one size is a layer group, as in the other networks; names are those of timm.
 *
 * @see Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2, tables 1 and 2, https://arxiv.org/abs/1801.04381
 */
export function buildMobilenet(
  { width, dropout }: Extract<ModelSpec, { name: 'mobilenetv2' }>,
  { layersOf, classes }: GroupTools,
): LayerGroup[] {
  let channels = roundChannels(32 * width)
  const features = Math.max(FEATURES, roundChannels(FEATURES * width))
  const steps: Record<(typeof GROUPS)[number], MapLayer[]> = {
    stem: [
      convolution(layersOf('stem', ''), ['conv_stem', 'bn1'], { inputs: 3, filters: channels, size: 3, stride: 2 }),
    ],
    layer1: [],
    layer2: [],
    layer3: [],
    layer4: [],
  }
  ROWS.forEach(({ group, expansion, channels: wanted, count, stride }, row) => {
    const filters = roundChannels(wanted * width)
    for (let b = 0; b < count; b++) {
      const size = { inputs: channels, filters, expansion, stride: b === 0 ? stride : 1 }
      steps[group].push(invertedResidual(layersOf(group, `blocks/${row}/${b}`), size))
      channels = filters
    }
  })
  const last = { inputs: channels, filters: features, size: 1 }
  steps.layer4.push(convolution(layersOf('layer4', ''), ['conv_head', 'bn2'], last))
  return [
    ...GROUPS.map((name): LayerGroup => {
      const run = (x: Tensor4D, pass: Pass) => steps[name].reduce((map, step) => step(map, pass), x)
      return { name, run }
    }),
    poolAndClassify(layersOf(HEAD, ''), 'classifier', { inputs: features, classes, dropout }),
  ]
}

/** relu6(norm(conv(x))) */
function convolution(layers: Layers, [conv, norm]: readonly [string, string], options: Conv2dOptions): MapLayer {
  const convolve = layers.conv2d(conv, options)
  const normalise = layers.batchNorm(norm, options.filters)
  return (x, pass) => layers.relu6(normalise(convolve(x, pass), pass))
}

/** To a multiple of 8, but not by more than a tenth downwards. */
function roundChannels(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return rounded < 0.9 * channels ? rounded + 8 : rounded
}

interface ResidualSize {
  readonly inputs: number
  readonly filters: number
  readonly expansion: number
  readonly stride: number
}

/** Widen, filter channel by channel, narrow; plus the input where the shape stays. With `expansion` 1 nothing widens. */
function invertedResidual(block: Layers, { inputs, filters, expansion, stride }: ResidualSize): MapLayer {
  const wide = roundChannels(inputs * expansion)
  const widens = expansion > 1
  const widen = widens ? convolution(block, ['conv_pw', 'bn1'], { inputs, filters: wide, size: 1 }) : undefined
  const filter = block.depthwiseConv2d('conv_dw', { channels: wide, size: 3, stride })
  // timm counts the normalisations that are there.
  const norm = block.batchNorm(widens ? 'bn2' : 'bn1', wide)
  const narrow = block.conv2d(widens ? 'conv_pwl' : 'conv_pw', { inputs: wide, filters, size: 1 })
  const lastNorm = block.batchNorm(widens ? 'bn3' : 'bn2', filters)
  const keeps = stride === 1 && inputs === filters
  return (x, pass) => {
    const filtered = block.relu6(norm(filter(widen ? widen(x, pass) : x, pass), pass))
    const y = lastNorm(narrow(filtered, pass), pass)
    return keeps ? block.add(x, y) : y
  }
}
