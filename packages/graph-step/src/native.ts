import type { GradConfig, KernelBackend, Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { dataType } from './proto.ts'

/** The part of tfjs-node's backend that runs any operation TensorFlow has. */
export interface NodeBackend extends KernelBackend {
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[]): Tensor
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[]
  /** @param tag What the model was saved for. @returns Its id. */
  loadSavedModelMetaGraph(folder: string, tag: string): number
  /** @param infos `name` is `node:output`. */
  runSavedModel(
    id: number,
    inputs: readonly Tensor[],
    infos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): Tensor[]
  deleteSavedModel(id: number): void
  /** Not tfjs-node's own: there while a graph is recorded. */
  updateInPlace?(variables: readonly Variable[], update: InPlace): void
  readonly tensorMap: { get(dataId: object): NativeTensor; set(dataId: object, tensor: NativeTensor): void }
}

/** A tensor as tfjs-node keeps it. */
interface NativeTensor {
  readonly shape: number[]
  /** A number of `dataType`. */
  readonly dtype: number
  /** What is to go to TensorFlow on first use; null once it has. */
  readonly values: unknown
  /** TensorFlow's, from then on. */
  readonly id: number
  readonly refCount: number
}

export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/**
 * One of TensorFlow's operations that change variables where they lie: in one pass, without a tensor for each step of the
 * formula. Only a graph has them: TensorFlow.js keeps variables where these do not find them.
 */
export interface InPlace {
  readonly op: string
  readonly attributes: readonly Attribute[]
  /** What it takes after the variables. */
  readonly inputs: readonly Tensor[]
}

/** Kinds of attributes, as TensorFlow's C API numbers them. */
export const attributeKind = { string: 0, integer: 1, float: 2, bool: 3, type: 4, shape: 5 } as const

export const attribute = {
  string: (name: string, value: string): Attribute => ({ name, type: attributeKind.string, value }),
  integers: (name: string, value: readonly number[]): Attribute => ({ name, type: attributeKind.integer, value }),
  float: (name: string, value: number): Attribute => ({ name, type: attributeKind.float, value }),
  bool: (name: string, value: boolean): Attribute => ({ name, type: attributeKind.bool, value }),
  floatType: (name: string): Attribute => ({ name, type: attributeKind.type, value: dataType.float32 }),
  int32Type: (name: string): Attribute => ({ name, type: attributeKind.type, value: dataType.int32 }),
}

/** tfjs-node's backend; null where another computes. */
export function nodeBackend(tf: Tf): NodeBackend | null {
  const backend = tf.backend()
  return 'executeSingleOutput' in backend ? (backend as NodeBackend) : null
}

/**
 * ½ Σ x² over all of a tensor. With tfjs-node one pass over x, which leaves no tensor of squares; elsewhere composed of
 * tfjs's operations. It has no gradient.
 */
export function halfSquares(tf: Tf, x: Tensor): Scalar {
  const backend = nodeBackend(tf)
  if (!backend) return tf.mul(tf.sum<Scalar>(tf.square(x)), 0.5)
  return backend.executeSingleOutput('L2Loss', [attribute.floatType('T')], [x]) as Scalar
}

const NATIVE = { Relu: 'ReluGrad', Relu6: 'Relu6Grad' } as const

/**
 * Lets relu and relu6 use TensorFlow's own gradient: one operation on the output, where tfjs computes a step function
 * of the input and multiplies. A third more steps a second in a convolutional net; the gradients are equal.
 *
 * Does nothing where tfjs-node does not compute.
 *
 * @returns Puts tfjs's own gradients back.
 */
export function installNativeGradients(tf: Tf): () => void {
  const backend = nodeBackend(tf)
  if (!backend) return () => undefined
  const before = Object.keys(NATIVE).map((name) => tf.getGradient(name))
  for (const [kernelName, operation] of Object.entries(NATIVE))
    replaceGradient(tf, {
      kernelName,
      outputsToSave: [true],
      gradFunc: (dy, [y]) => ({
        x: () => backend.executeSingleOutput(operation, [attribute.floatType('T')], [dy as Tensor, y!]),
      }),
    })
  return () => before.forEach((gradient) => replaceGradient(tf, gradient))
}

function replaceGradient(tf: Tf, gradient: GradConfig): void {
  tf.unregisterGradient(gradient.kernelName)
  tf.registerGradient(gradient)
}
