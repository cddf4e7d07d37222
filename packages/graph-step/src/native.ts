import type { GradConfig, KernelBackend, Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

/** The part of tfjs-node's backend that runs any operation TensorFlow has. */
export interface NodeBackend extends KernelBackend {
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly Tensor[]): Tensor
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[]
  /** `values` is null once they have gone to TensorFlow. */
  readonly tensorMap: { get(dataId: object): { readonly values: unknown } }
}

export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/** Enumerations of TensorFlow's C API: `TF_DataType`, and attribute kinds as tfjs-node numbers them. */
const FLOAT = 1
const INT32 = 3
export const attribute = {
  string: (name: string, value: string): Attribute => ({ name, type: 0, value }),
  float: (name: string, value: number): Attribute => ({ name, type: 2, value }),
  bool: (name: string, value: boolean): Attribute => ({ name, type: 3, value }),
  floatType: (name: string): Attribute => ({ name, type: 4, value: FLOAT }),
  int32Type: (name: string): Attribute => ({ name, type: 4, value: INT32 }),
}

/** tfjs-node's backend; null where another computes. */
export function nodeBackend(tf: Tf): NodeBackend | null {
  const backend = tf.backend()
  return 'executeSingleOutput' in backend ? (backend as NodeBackend) : null
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
