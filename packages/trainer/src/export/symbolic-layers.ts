import type { layers as tfLayers, SymbolicTensor, Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { toDepthwise } from '../models/depthwise-substitute.ts'
import type { Conv2dOptions, DepthwiseOptions, Layers, Window } from '../models/layers.ts'
import { EPSILON, paddingOf } from '../models/layers.ts'
import type { MapOps } from '../models/map-ops.ts'
import type { NamedTensor, NamedTensors } from '../models/model.ts'

type Layer = tfLayers.Layer

/** A layer of a TensorFlow.js model and where its weights come from. */
export interface Weighted {
  readonly layer: Layer
  /** Names of our variables, in the order of the layer's weights. */
  readonly names: readonly string[]
  /** From our layout, where the layer's is another. */
  readonly convert?: (tensor: NamedTensor) => NamedTensor
}

/**
 * Layers that compute nothing, and build a TensorFlow.js layers model of what they are applied to: the networks are
 * written once, and this makes another thing of them. What they take and give are symbolic tensors, though typed as
 * maps; and they are in inference, without dropout.
 *
 * @param made Takes every layer that has weights.
 */
export function symbolicLayers(tf: Tf, prefix: string, made: Weighted[]): Layers {
  const path = (name: string) => (prefix === '' ? name : `${prefix}/${name}`)
  const { layers } = tf
  const add = (layer: Layer, names: readonly string[], convert?: Weighted['convert']) => {
    made.push({ layer, names, ...(convert && { convert }) })
    return layer
  }
  return {
    ...symbolicOps(tf),
    tf,
    in: (name) => symbolicLayers(tf, path(name), made),
    variable() {
      throw new Error('a layers model is made of layers; it has no variables beside them')
    },
    conv2d: (name, options) => {
      if ((options.groups ?? 1) > 1) return groupedConv(tf, path(name), options, add)
      const { size, stride = 1, filters, bias = false } = options
      const layer = layers.conv2d({
        name: path(name),
        filters,
        kernelSize: size,
        strides: stride,
        padding: kerasPadding(options),
        useBias: bias,
      })
      add(layer, [`${path(name)}/kernel`, ...(bias ? [`${path(name)}/bias`] : [])])
      return inFrame(tf, options, layer)
    },
    depthwiseConv2d: (name, options) => {
      const layer = depthwise(tf, path(name), options)
      add(layer, [`${path(name)}/depthwise_kernel`])
      return inFrame(tf, options, layer)
    },
    batchNorm: (name) => {
      const layer = layers.batchNormalization({ name: path(name), epsilon: EPSILON })
      const names = ['gamma', 'beta', 'mean', 'variance'].map((word) => `${path(name)}/${word}`)
      return apply(add(layer, names))
    },
    dense: (name, { units }) => {
      const layer = layers.dense({ name: path(name), units })
      return apply(add(layer, [`${path(name)}/kernel`, `${path(name)}/bias`]))
    },
    dropout: () => (x) => x,
  }
}

/** The one place where symbolic tensors pass for tensors. */
function apply<In, Out extends Tensor>(layer: Layer): (x: In) => Out {
  return (x) => layer.apply(x as unknown as SymbolicTensor | SymbolicTensor[]) as unknown as Out
}

function symbolicOps({ layers }: Tf): MapOps {
  const one =
    (make: () => Layer) =>
    <Out extends Tensor>(x: unknown): Out =>
      apply<unknown, Out>(make())(x)
  return {
    relu: one(() => layers.reLU()),
    relu6: one(() => layers.reLU({ maxValue: 6 })),
    sigmoid: one(() => layers.activation({ activation: 'sigmoid' })),
    add: (x, y) => apply<unknown, typeof x>(layers.add())([x, y]),
    multiply: (x, y) => apply<unknown, typeof x>(layers.multiply())([x, y]),
    concat: (maps) => apply<unknown, (typeof maps)[number]>(layers.concatenate({ axis: -1 }))([...maps]),
    maxPool(x, { size, stride, pad }) {
      const framed = typeof pad === 'number' && pad > 0 ? zeros(layers, pad, x) : x
      const padding = pad === 'same' ? 'same' : 'valid'
      return apply<unknown, typeof x>(layers.maxPooling2d({ poolSize: size, strides: stride, padding }))(framed)
    },
    averagePool: (x, size) => apply<unknown, typeof x>(layers.averagePooling2d({ poolSize: size }))(x),
    globalAverage: one(() => layers.globalAveragePooling2d({})),
    globalAverageMap(x) {
      const means = apply<unknown, Tensor>(layers.globalAveragePooling2d({}))(x)
      return apply<unknown, typeof x>(layers.reshape({ targetShape: [1, 1, means.shape[1]!] }))(means)
    },
  }
}

function zeros<T extends Tensor>(layers: Tf['layers'], pad: number, x: T): T {
  return apply<unknown, T>(layers.zeroPadding2d({ padding: pad as unknown as [number, number] }))(x)
}

function kerasPadding(window: Window): 'same' | 'valid' {
  return paddingOf(window) === 'same' ? 'same' : 'valid'
}

/** The layer after what pads its map, where it is to be padded. */
function inFrame<T extends Tensor>({ layers }: Tf, window: Window, layer: Layer): (x: T) => T {
  const padding = paddingOf(window)
  return (x) => apply<unknown, T>(layer)(padding === 'same' ? x : zeros(layers, padding, x))
}

function depthwise(
  { layers }: Tf,
  name: string,
  { size, stride = 1, multiplier = 1 }: Omit<DepthwiseOptions, 'channels'> & { multiplier?: number },
) {
  return layers.depthwiseConv2d({
    name,
    kernelSize: size,
    strides: stride,
    padding: kerasPadding({ size, stride }),
    depthMultiplier: multiplier,
    useBias: false,
  })
}

/** A convolution in groups, of which layers models know nothing: see `toDepthwise`. */
function groupedConv(
  tf: Tf,
  name: string,
  options: Conv2dOptions,
  add: (layer: Layer, names: readonly string[], convert: Weighted['convert']) => Layer,
): (x: Tensor) => never {
  const { layers } = tf
  const { inputs, filters, groups = 1, bias = false } = options
  if (bias) throw new Error('a convolution in groups has no bias')
  const [own, outputs] = [inputs / groups, filters / groups]
  const layer = depthwise(tf, name, { ...options, multiplier: outputs })
  add(layer, [`${name}/kernel`], (kernel) => toDepthwise(kernel, groups))
  const filter = inFrame<Tensor>(tf, options, layer)
  return (x) => {
    const parts = filter(x) // [batch, height, width, groups · own · outputs]
    const [, height, width] = parts.shape as [number, number, number]
    const split = layers.reshape({ targetShape: [height * width * groups, own, outputs] })
    const mean = layers.averagePooling2d({ poolSize: [1, own], strides: [1, own] })
    const join = layers.reshape({ targetShape: [height, width, filters] })
    return [split, mean, join].reduce<Tensor>((y, next) => apply<unknown, Tensor>(next)(y), parts) as never
  }
}

/** Gives the layers their weights. */
export function setWeights(tf: Tf, made: readonly Weighted[], weights: NamedTensors): void {
  for (const { layer, names, convert = (tensor: NamedTensor) => tensor } of made)
    tf.tidy(() => {
      const values = names.map((name) => convert(weights.get(name)!))
      layer.setWeights(values.map(({ shape, data }) => tf.tensor(data.slice(), [...shape])))
    })
}
