import type { Tensor, Tensor4D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { Attribute, NodeBackend } from './native.ts'
import { attribute, nodeBackend } from './native.ts'

/** What TensorFlow.js calls padding; no numbers, which oneDNN does not take for groups. */
type Padding = 'same' | 'valid'

/** x [batch, height, width, inputs] and a filter [height, width, inputs / groups, outputs] to a map. */
export type GroupedConv2d = (x: Tensor4D, filter: Tensor4D, stride: number, padding: Padding) => Tensor4D

/**
 * A convolution in groups, which TensorFlow.js has not: the g-th of `groups` equal parts of the outputs sees the g-th
 * part of the inputs alone.
 *
 * TensorFlow's own operations do it where they have gradients for it, on a CPU those of oneDNN; elsewhere it is split
 * into one convolution a group, which gives the same but for rounding and takes some eight times as long.
 *
 * @see Xie et al.: Aggregated Residual Transformations, section 3, https://arxiv.org/abs/1611.05431
 */
export function groupedConv2d(tf: Tf, groups: number): GroupedConv2d {
  const backend = nodeBackend(tf)
  return backend && hasGroupedGradients(tf, backend)
    ? (x, filter, stride, padding) => native(tf, backend, x, filter, attributesOf(stride, padding))
    : (x, filter, stride, padding) => split(tf, groups, x, filter, stride, padding)
}

function split(tf: Tf, groups: number, x: Tensor4D, filter: Tensor4D, stride: number, padding: Padding): Tensor4D {
  const filters = tf.split<Tensor4D>(filter, groups, 3)
  return tf.concat(
    tf.split<Tensor4D>(x, groups, 3).map((part, g) => tf.conv2d(part, filters[g]!, stride, padding)),
    3,
  )
}

function native(tf: Tf, backend: NodeBackend, x: Tensor4D, filter: Tensor4D, attributes: Attribute[]): Tensor4D {
  const run = (operation: string, inputs: Tensor[]) => backend.executeSingleOutput(operation, attributes, inputs)
  const shapeOf = ({ shape }: Tensor) => tf.tensor1d(shape, 'int32')
  const convolve = tf.customGrad((...args) => {
    const [ofX, ofFilter, save] = args as unknown as [Tensor, Tensor, (tensors: Tensor[]) => void]
    save([ofX, ofFilter])
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [input, kernel] = saved as [Tensor, Tensor]
      return [
        run('Conv2DBackpropInput', [shapeOf(input), kernel, dy]),
        run('Conv2DBackpropFilter', [input, shapeOf(kernel), dy]),
      ]
    }
    return { value: run('Conv2D', [ofX, ofFilter]), gradFunc }
  })
  return convolve(x, filter) as Tensor4D
}

function attributesOf(stride: number, padding: Padding): Attribute[] {
  return [
    attribute.floatType('T'),
    attribute.integers('strides', [1, stride, stride, 1]),
    attribute.string('padding', padding.toUpperCase()),
    attribute.string('data_format', 'NHWC'),
    attribute.bool('use_cudnn_on_gpu', true),
    attribute.integers('dilations', [1, 1, 1, 1]),
  ]
}

const known = new WeakMap<NodeBackend, boolean>()

/** Tries it once: only a run tells what TensorFlow was built with and has switched on. */
function hasGroupedGradients(tf: Tf, backend: NodeBackend): boolean {
  const answer = known.get(backend) ?? tryGradient(tf, backend)
  known.set(backend, answer)
  return answer
}

function tryGradient(tf: Tf, backend: NodeBackend): boolean {
  return tf.tidy(() => {
    const [x, shape] = [tf.ones([1, 3, 3, 4]), tf.tensor1d([3, 3, 2, 4], 'int32')]
    try {
      backend.executeSingleOutput('Conv2DBackpropFilter', attributesOf(1, 'same'), [x, shape, x])
      return true
    } catch {
      return false
    }
  })
}
