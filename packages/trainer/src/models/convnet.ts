import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { GroupTools } from './groups.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/**
 * Blocks of 3×3 convolution, batch normalisation, relu and 2×2 max pooling; the last block's map is averaged, and one
 * fully connected layer gives the logits.
 *
 * Block b has `width · 2^b` channels and sees the image at 1 / 2^b of its size. Every block is a layer group.
 */
export function buildConvnet(
  { width, blocks, dropout }: Extract<ModelSpec, { name: 'convnet' }>,
  { layersOf, classes }: GroupTools,
): LayerGroup[] {
  const channels = (block: number) => width * 2 ** block
  const body = Array.from({ length: blocks }, (_, b): LayerGroup => {
    const name = `block${b}`
    const layers = layersOf(name)
    const conv = layers.conv2d('conv', { inputs: b === 0 ? 3 : channels(b - 1), filters: channels(b), size: 3 })
    const norm = layers.batchNorm('bn', channels(b))
    const run = (x: Tensor4D, pass: Pass) =>
      layers.maxPool(layers.relu(norm(conv(x, pass), pass)), { size: 2, stride: 2, pad: 'same' })
    return { name, run }
  })
  return [...body, poolAndClassify(layersOf(HEAD), 'dense', { inputs: channels(blocks - 1), classes, dropout })]
}
