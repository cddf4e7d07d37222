import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'
import { fusedBatchNorm, groupedConv2d, inferenceBatchNorm, moveTowards, statelessUniform } from '@baton/graph-step'
import type { GroupedConv2d as Convolve } from '@baton/graph-step'
import { fillNormal, streamKey } from '@baton/random'
import type { Tf } from '@baton/tensorflow'
import { frame, mapOps } from './map-ops.ts'
import type { MapOps } from './map-ops.ts'
import type { ModelVariable, Pass, Role } from './model.ts'

export type Layer<In extends Tensor, Out extends Tensor> = (x: In, pass: Pass) => Out
export type MapLayer = Layer<Tensor4D, Tensor4D>

export interface Window {
  /** Side of the square kernel. */
  readonly size: number
  /** Default 1. */
  readonly stride?: number
}

export interface Conv2dOptions extends Window {
  readonly inputs: number
  readonly filters: number
  /** Both inputs and filters are split into so many groups, each seeing its own inputs alone. Default 1. */
  readonly groups?: number
  /** Default false: a normalisation is meant to follow. */
  readonly bias?: boolean
}

export interface DepthwiseOptions extends Window {
  readonly channels: number
}

/** How a variable begins: a constant, or normal with mean 0 and this variance. */
type Initial = number | { readonly variance: number }

/**
 * Makes layers and their variables, named by where they stand. Every value a variable begins with is a pure function of
 * the seed and its name, so a model is the same whatever else was built before it.
 */
export interface Layers extends MapOps {
  readonly tf: Tf
  /** Makes layers whose names begin with `name/`. */
  in(name: string): Layers
  /** A variable of your own. */
  variable(name: string, shape: readonly number[], role: Role, initial: Initial): Variable
  /**
   * Convolution that keeps 1 / stride of the map: `<name>/kernel`, `<name>/bias`. It is padded with (size − 1) / 2 zeros
   * on each side, as PyTorch does; TensorFlow's own `same` puts a stride's odd zero behind.
   */
  conv2d(name: string, options: Conv2dOptions): MapLayer
  /** One filter a channel, padded as `conv2d` is: `<name>/depthwise_kernel`. */
  depthwiseConv2d(name: string, options: DepthwiseOptions): MapLayer
  /** Batch normalisation: `<name>/gamma`, `beta`, `mean`, `variance`. */
  batchNorm(name: string, channels: number): MapLayer
  /** Fully connected, with bias: `<name>/kernel`, `<name>/bias`. */
  dense(name: string, options: { inputs: number; units: number }): Layer<Tensor2D, Tensor2D>
  /** In training sets this part of the values to 0 and scales the others so that their expectation stays. */
  dropout<T extends Tensor>(name: string, rate: number): Layer<T, T>
}

/** Part of the moving statistics that each training batch replaces; PyTorch's default. */
const STATISTICS_STEP = 0.1
/** Added to the variance; PyTorch's default. */
export const EPSILON = 1e-5
/** A path of plain words: it becomes part of a checkpoint's tensor names and of a graph's node names. */
const NAME = /^[\w.-]+(?:\/[\w.-]+)*$/

export interface LayersOptions {
  readonly tf: Tf
  readonly seed: number
  /** Leaves all variables at 0. Default false. */
  readonly blank?: boolean
  /** The layer group that the variables belong to. */
  readonly group: string
  /** Names begin with `prefix/`; none where it is empty. */
  readonly prefix: string
  /** Takes every variable that is made. */
  readonly made: ModelVariable[]
}

export function createLayers(options: LayersOptions): Layers {
  const { tf, prefix } = options
  const path = (name: string) => (prefix === '' ? name : `${prefix}/${name}`)
  const layers: Layers = {
    ...mapOps(tf),
    tf,
    in: (name) => createLayers({ ...options, prefix: path(name) }),
    variable: (name, shape, role, initial) => makeVariable(options, path(name), shape, role, initial),
    conv2d: (name, conv) => conv2d(layers.in(name), conv),
    depthwiseConv2d: (name, conv) => depthwiseConv2d(layers.in(name), conv),
    batchNorm: (name, channels) => batchNorm(layers.in(name), channels),
    dense: (name, dense_) => dense(layers.in(name), dense_),
    dropout: (name, rate) => dropout(tf, path(name), rate),
  }
  return layers
}

/** @throws {Error} when the name is taken or not a path of plain words */
function makeVariable(
  { tf, seed, blank = false, group, made }: LayersOptions,
  name: string,
  shape: readonly number[],
  role: Role,
  initial: Initial,
): Variable {
  if (!NAME.test(name)) throw new Error(`a variable cannot be named ${JSON.stringify(name)}; use words between slashes`)
  if (made.some((other) => other.name === name)) throw new Error(`two variables are named ${name}`)
  const values = new Float32Array(tf.util.sizeFromShape([...shape]))
  if (typeof initial === 'number') values.fill(blank ? 0 : initial)
  else if (!blank) fillNormal(streamKey(seed, 'initial', name), values, Math.sqrt(initial.variance))
  const variable = tf.tidy(() => tf.variable(tf.tensor(values, [...shape]), role !== 'statistic'))
  made.push({ name, role, group, variable })
  return variable
}

/**
 * Weights begin normal with variance 2 / fan-in, which keeps the size of activations through layers of relu.
 *
 * @see He, Zhang, Ren, Sun: Delving Deep into Rectifiers, eq. 10, https://arxiv.org/abs/1502.01852
 */
function conv2d(layers: Layers, { inputs, filters, groups = 1, bias = false, ...window }: Conv2dOptions): MapLayer {
  const { tf } = layers
  const { size } = window
  const fanIn = (size * size * inputs) / groups
  const shape = [size, size, inputs / groups, filters]
  const kernel = layers.variable('kernel', shape, 'kernel', { variance: 2 / fanIn }) as unknown as Tensor4D
  const offset = bias ? layers.variable('bias', [filters], 'bias', 0) : null
  const one: Convolve = (x, w, stride, padding) => tf.conv2d(x, w, stride, padding)
  const slide = slideOver(tf, groups === 1 ? one : groupedConv2d(tf, groups), window)
  return (x) => {
    const y = slide(x, kernel)
    return offset ? tf.add(y, offset) : y
  }
}

function depthwiseConv2d(layers: Layers, { channels, ...window }: DepthwiseOptions): MapLayer {
  const { tf } = layers
  const { size } = window
  const variance = 2 / (size * size)
  const shape = [size, size, channels, 1]
  const kernel = layers.variable('depthwise_kernel', shape, 'kernel', { variance }) as unknown as Tensor4D
  const slide = slideOver(tf, (x, w, stride, padding) => tf.depthwiseConv2d(x, w, stride, padding), window)
  return (x) => slide(x, kernel)
}

/**
 * A convolution with its padding.
 *
 * Where a kernel of one pixel has a stride, the pixels that it keeps are picked beforehand, by a pooling of one pixel:
 * in TensorFlow 2.15 with oneDNN the filter's gradient of a 1×1 convolution of stride 2 writes past its memory when the
 * batch is odd.
 */
function slideOver(tf: Tf, convolve: Convolve, window: Window) {
  const { size, stride = 1 } = window
  const padding = paddingOf(window)
  if (padding !== 'same')
    return (x: Tensor4D, kernel: Tensor4D) => convolve(frame(tf, x, padding), kernel, stride, 'valid')
  const kept = (x: Tensor4D) => (size === 1 && stride > 1 ? tf.avgPool(x, 1, stride, 'same') : x)
  return (x: Tensor4D, kernel: Tensor4D) => convolve(kept(x), kernel, 1, 'same')
}

/** Zeros on each side of a map before a convolution without padding; where TensorFlow's `same` puts as many, that. */
export function paddingOf({ size, stride = 1 }: Window): 'same' | number {
  return stride === 1 || size === 1 ? 'same' : Math.floor((size - 1) / 2)
}

/** No relu follows logits, so variance 1 / fan-in keeps the size. */
function dense(layers: Layers, { inputs, units }: { inputs: number; units: number }): Layer<Tensor2D, Tensor2D> {
  const { tf } = layers
  const kernel = layers.variable('kernel', [inputs, units], 'kernel', { variance: 1 / inputs }) as unknown as Tensor2D
  const bias = layers.variable('bias', [units], 'bias', 0)
  return (x) => tf.add(tf.matMul(x, kernel), bias)
}

function batchNorm(layers: Layers, channels: number): MapLayer {
  const { tf } = layers
  const make = (name: string, role: Role, initial: number) =>
    layers.variable(name, [channels], role, initial) as Variable & Tensor1D
  const gamma = make('gamma', 'norm', 1)
  const beta = make('beta', 'norm', 0)
  const mean = make('mean', 'statistic', 0)
  const variance = make('variance', 'statistic', 1)
  return (x, { training }) => {
    if (!training) return inferenceBatchNorm(tf, x, { gamma, beta, mean, variance }, EPSILON)
    const batch = fusedBatchNorm(tf, x, gamma, beta, EPSILON)
    const share = tf.scalar(STATISTICS_STEP)
    moveTowards(tf, mean, batch.mean, share)
    moveTowards(tf, variance, batch.variance, share)
    return batch.y
  }
}

/** @see Srivastava et al.: Dropout, section 10 (inverted scaling), https://jmlr.org/papers/v15/srivastava14a.html */
function dropout<T extends Tensor>(tf: Tf, name: string, rate: number): Layer<T, T> {
  // 30 bits, as statelessUniform asks.
  const salt = streamKey('dropout', name)[0] >>> 2
  return (x, pass) => {
    if (!pass.training || rate === 0) return x
    const kept = tf.greaterEqual(statelessUniform(tf, x.shape, pass.seed, salt), rate)
    return tf.mul(x, tf.mul(tf.cast(kept, 'float32'), 1 / (1 - rate)))
  }
}
