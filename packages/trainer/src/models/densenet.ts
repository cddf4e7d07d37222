import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { GroupTools } from './groups.ts'
import type { Layers, MapLayer } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/** DenseNet-161: layers of each dense block, and channels that each layer adds. */
const LAYERS = [6, 12, 36, 24] as const
const GROWTH = 48
/** Channels between the two convolutions of a layer, for each that it adds. */
const BOTTLENECK = 4

/**
 * DenseNet-161: every layer of a block sees what all layers before it gave. Between blocks a transition halves channels
 * and map. The stem and every block, with the transition after it, are layer groups; names are those of timm.
 *
 * @see Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, table 1,
 *   https://arxiv.org/abs/1608.06993
 */
export function buildDensenet(
  { width, dropout }: Extract<ModelSpec, { name: 'densenet161' }>,
  { layersOf, classes }: GroupTools,
): LayerGroup[] {
  const growth = Math.round(GROWTH * width)
  let channels = 2 * growth
  const stem: LayerGroup = { name: 'stem', run: buildStem(layersOf('stem', 'features'), channels) }
  const blocks = LAYERS.map((count, b): LayerGroup => {
    const name = `layer${b + 1}`
    const features = layersOf(name, 'features')
    const steps = Array.from({ length: count }, (_, l) =>
      denseLayer(features.in(`denseblock${b + 1}/denselayer${l + 1}`), channels + l * growth, growth),
    )
    channels += count * growth
    if (b < LAYERS.length - 1) {
      steps.push(transition(features.in(`transition${b + 1}`), channels))
      channels = Math.floor(channels / 2)
    } else steps.push(lastNorm(features, channels))
    return { name, run: (x: Tensor4D, pass: Pass) => steps.reduce((map, step) => step(map, pass), x) }
  })
  return [stem, ...blocks, poolAndClassify(layersOf(HEAD, ''), 'classifier', { inputs: channels, classes, dropout })]
}

function buildStem(features: Layers, filters: number): MapLayer {
  const conv = features.conv2d('conv0', { inputs: 3, filters, size: 7, stride: 2 })
  const norm = features.batchNorm('norm0', filters)
  return (x, pass) => features.maxPool(features.relu(norm(conv(x, pass), pass)), { size: 3, stride: 2, pad: 1 })
}

/** x beside conv2(relu(norm2(conv1(relu(norm1(x)))))). */
function denseLayer(layer: Layers, inputs: number, growth: number): MapLayer {
  const between = BOTTLENECK * growth
  const norm1 = layer.batchNorm('norm1', inputs)
  const conv1 = layer.conv2d('conv1', { inputs, filters: between, size: 1 })
  const norm2 = layer.batchNorm('norm2', between)
  const conv2 = layer.conv2d('conv2', { inputs: between, filters: growth, size: 3 })
  return (x, pass) => {
    const y = conv1(layer.relu(norm1(x, pass)), pass)
    return layer.concat([x, conv2(layer.relu(norm2(y, pass)), pass)])
  }
}

function transition(layers: Layers, inputs: number): MapLayer {
  const norm = layers.batchNorm('norm', inputs)
  const conv = layers.conv2d('conv', { inputs, filters: Math.floor(inputs / 2), size: 1 })
  return (x, pass) => layers.averagePool(conv(layers.relu(norm(x, pass)), pass), 2)
}

function lastNorm(features: Layers, channels: number): MapLayer {
  const norm = features.batchNorm('norm5', channels)
  return (x, pass) => features.relu(norm(x, pass))
}
