import type { NamedTensor } from './model.ts'

/**
 * PyTorch's names for the last words of ours. What comes before is timm's own, with slashes for dots: networks that are
 * named as in timm name their layers so.
 */
const TIMM_WORDS: Readonly<Record<string, string>> = {
  kernel: 'weight',
  depthwise_kernel: 'weight',
  gamma: 'weight',
  beta: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
}

/** `layer1/0/bn1/gamma` to `layer1.0.bn1.weight`. */
export function timmNameOf(name: string): string {
  const words = name.split('/')
  const last = words.pop()!
  return [...words, TIMM_WORDS[last] ?? last].join('.')
}

/** Which axis of ours each axis of PyTorch's is. Ours are [height, width, inputs, outputs], a depthwise one's [.., channels, 1]. */
function axesOf(name: string, rank: number): readonly number[] | null {
  if (name.endsWith('/depthwise_kernel')) return [2, 3, 0, 1]
  if (!name.endsWith('/kernel')) return null
  return rank === 4 ? [3, 2, 0, 1] : [1, 0]
}

/** A variable's value as PyTorch lays it out: convolutions OIHW, fully connected [outputs, inputs]. */
export function toTimm(name: string, tensor: NamedTensor): NamedTensor {
  const axes = axesOf(name, tensor.shape.length)
  return axes ? transpose(tensor, axes) : tensor
}

/** The other way round. */
export function fromTimm(name: string, tensor: NamedTensor): NamedTensor {
  const axes = axesOf(name, tensor.shape.length)
  if (axes?.length !== tensor.shape.length) return tensor
  const inverse = axes.map((_, axis) => axes.indexOf(axis))
  return transpose(tensor, inverse)
}

/** Axis i of the result is axis `axes[i]` of what is given. */
function transpose({ shape, data }: NamedTensor, axes: readonly number[]): NamedTensor {
  const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const sizes = axes.map((axis) => shape[axis]!)
  const strides = axes.map((axis) => steps[axis]!)
  const values = new Float32Array(data.length)
  const at = sizes.map(() => 0)
  let from = 0
  for (let i = 0; i < values.length; i++) {
    values[i] = data[from]!
    // The place after this one: the last axis first, with a carry to the one before it.
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += strides[axis]!
      if (++at[axis]! < sizes[axis]!) break
      from -= strides[axis]! * sizes[axis]!
      at[axis] = 0
    }
  }
  return { shape: sizes, data: values }
}
