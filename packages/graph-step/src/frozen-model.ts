import type { Tf } from '@baton/tensorflow'
import { nodeBackend } from './native.ts'
import type { Feeds, Signature } from './program.ts'
import type { DataType, SignatureTensor } from './proto.ts'
import { Untraceable } from './record.ts'
import { trace } from './trace.ts'

export interface FrozenModel {
  readonly signature: Signature
  /** Shapes of what it gives, by name; null stands for any size. */
  readonly outputs: Readonly<Record<string, { readonly shape: readonly (number | null)[]; readonly dtype: DataType }>>
  /** Feeds of so many rows, whose values play no part. */
  readonly feedsOf: (rows: number) => Feeds
}

/**
 * A signature as TensorFlow's SavedModel, the content of its `saved_model.pb`: what anybody loads and calls by
 * `serving_default`. The variables that it reads are constants in it, at the values they have now. An input or output
 * of any size takes any.
 *
 * @throws {Error} where tfjs-node does not compute, or when the signature draws, assigns, or computes by the number of
 *   rows what a graph would freeze
 */
export function frozenModel(tf: Tf, { signature, outputs, feedsOf }: FrozenModel): Uint8Array {
  const backend = nodeBackend(tf)
  if (!backend) throw new Untraceable(`${tf.getBackend()} has no graphs`)
  const [feeds, otherFeeds] = [feedsOf(2), feedsOf(3)]
  try {
    const traced = trace(tf, backend, { signature, state: [], feeds, otherFeeds })
    const any = (shape: readonly (number | null)[]) => shape.map((size) => size ?? -1)
    return traced.graph.toBytes({
      inputs: traced.inputs.map(({ name, node, dtype }): SignatureTensor => {
        return { name, node, type: dtype, shape: any(signature.inputs[name]!.shape) }
      }),
      outputs: traced.outputs.map(({ name, node }): SignatureTensor => {
        const { shape, dtype } = outputs[name]!
        return { name, node, type: dtype, shape: any(shape) }
      }),
    })
  } finally {
    tf.dispose([...Object.values(feeds), ...Object.values(otherFeeds)])
  }
}
