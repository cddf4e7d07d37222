import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { Layers } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/** The head of both built-in models: average over the map, dropout, logits. */
export function poolAndClassify(
  head: Layers,
  { inputs, classes, dropout }: { inputs: number; classes: number; dropout: number },
): LayerGroup {
  const drop = head.dropout<Tensor2D>('dropout', dropout)
  const dense = head.dense('dense', { inputs, units: classes })
  const run = (features: Tensor4D, pass: Pass) => {
    const pooled = head.tf.mean<Tensor2D>(features, [1, 2]) // [batch, channels]
    return dense(drop(pooled, pass), pass)
  }
  return { name: HEAD, run }
}
