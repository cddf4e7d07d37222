import type { Tensor, Tensor2D } from '@tensorflow/tfjs'
import type { Layers } from './layers.ts'
import type { Pass } from './model.ts'

/** The head of both built-in models: average over the map, dropout, logits. */
export function poolAndClassify(
  head: Layers,
  { inputs, classes, dropout }: { inputs: number; classes: number; dropout: number },
): (features: Tensor, pass: Pass) => Tensor2D {
  const drop = head.dropout<Tensor2D>('dropout', dropout)
  const dense = head.dense('dense', { inputs, units: classes })
  return (features, pass) => {
    const pooled = head.tf.mean<Tensor2D>(features, [1, 2]) // [batch, channels]
    return dense(drop(pooled, pass), pass)
  }
}
