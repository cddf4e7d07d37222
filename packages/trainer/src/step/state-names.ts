import { isOptimizerSlot } from '../optimizers/optimizer.ts'
import { isLossScale } from './loss-scale.ts'

const AVERAGE = 'ema/'

/** What the average of a weight is saved by. */
export function averageName(weight: string): string {
  return `${AVERAGE}${weight}`
}

/** The weight that a tensor of a training's state is the average of; null where it is no average. */
export function averagedWeight(name: string): string | null {
  return name.startsWith(AVERAGE) ? name.slice(AVERAGE.length) : null
}

/** Whether a tensor of a training's state is a weight of the model: the others are optimizer's slots, averages and the loss scale. */
export function isWeight(name: string): boolean {
  return !isOptimizerSlot(name) && averagedWeight(name) === null && !isLossScale(name)
}
