import type { DataId, Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { attribute, nodeBackend } from './native.ts'
import { dataType } from './proto.ts'

/** Data of tensors that are bytes in TensorFlow's library. */
const bytes = new WeakSet<DataId>()

/**
 * Bytes as a feed of dtype `uint8`: they reach TensorFlow as they are, where a tensor of int32, which is all that
 * TensorFlow.js has, takes four times the memory and a pass over all of them. It is for nothing but feeding.
 *
 * @param values May be read for as long as the tensor lives.
 */
export function byteTensor(tf: Tf, values: Uint8Array, shape: readonly number[]): Tensor {
  const backend = nodeBackend(tf)
  if (!backend) return tf.tensor(new Int32Array(values), [...shape], 'int32')
  const dataId: DataId = {}
  bytes.add(dataId)
  backend.tensorMap.set(dataId, { shape: [...shape], dtype: dataType.uint8, values, id: -1, refCount: 1 })
  return tf.engine().makeTensorFromDataId(dataId, [...shape], 'int32', backend)
}

/** Whether a tensor can be fed as `uint8`: on the JavaScript backend any of int32 is as good. */
export function isByteTensor(tf: Tf, { dtype, dataId }: Tensor): boolean {
  return dtype === 'int32' && (bytes.has(dataId) || nodeBackend(tf) === null)
}

/** The bytes as operations of TensorFlow.js take them. */
export function widened(tf: Tf, tensor: Tensor): Tensor {
  const types = [
    { ...attribute.int32Type('SrcT'), value: dataType.uint8 },
    attribute.int32Type('DstT'),
    attribute.bool('Truncate', false),
  ]
  return nodeBackend(tf)?.executeSingleOutput('Cast', types, [tensor]) ?? tensor
}
