import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { Layers } from './layers.ts'
import { HEAD } from './model.ts'
import type { LayerGroup, Pass } from './model.ts'

/** The head of all built-in models: average over the map, dropout, logits by the fully connected layer `name`. */
export function poolAndClassify(
  head: Layers,
  name: string,
  { inputs, classes, dropout }: { inputs: number; classes: number; dropout: number },
): LayerGroup {
  const drop = head.dropout<Tensor2D>('dropout', dropout)
  const dense = head.dense(name, { inputs, units: classes })
  const run = (features: Tensor4D, pass: Pass) => dense(drop(head.globalAverage(features), pass), pass)
  return { name: HEAD, run }
}
