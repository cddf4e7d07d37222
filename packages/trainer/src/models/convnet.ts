import type { Tensor4D } from '@tensorflow/tfjs'
import type { ModelSpec } from '@baton/contracts'
import { poolAndClassify } from './classifier.ts'
import type { Layers } from './layers.ts'
import type { Forward, Pass } from './model.ts'

/**
 * Blocks of 3×3 convolution, batch normalisation, relu and 2×2 max pooling; the last block's map is averaged, and one
 * fully connected layer gives the logits.
 *
 * Block b has `width · 2^b` channels and sees the image at 1 / 2^b of its size.
 */
export function buildConvnet(
  { width, blocks, dropout }: Extract<ModelSpec, { name: 'convnet' }>,
  { body, head, classes }: { body: Layers; head: Layers; classes: number },
): Forward {
  const { tf } = body
  const channels = (block: number) => width * 2 ** block
  const steps = Array.from({ length: blocks }, (_, b) => {
    const layers = body.in(`block${b}`)
    const conv = layers.conv2d('conv', { inputs: b === 0 ? 3 : channels(b - 1), filters: channels(b), size: 3 })
    const norm = layers.batchNorm('bn', channels(b))
    return (x: Tensor4D, pass: Pass) => tf.maxPool(tf.relu(norm(conv(x, pass), pass)), 2, 2, 'same')
  })
  return {
    body: (images, pass) => steps.reduce((x, step) => step(x, pass), images),
    head: poolAndClassify(head, { inputs: channels(blocks - 1), classes, dropout }),
  }
}
