import { assertNever } from '@baton/contracts'
import type { SampleSpec } from '@baton/contracts'
import { uniform } from '@baton/random'
import type { Key } from '@baton/random'
import type { Targets } from '../inputs/targets.ts'

/** How likely a draw takes a sample, up to a factor; more than 0. */
export type WeightOf = (sample: number) => number

/** Samples whose labels are looked at together: rows of all of them may not fit memory. */
const chunk = 1024

/** A sample has a label that it is to learn at this or more. */
const HAS = 0.5

/**
 * Weights of a fold's samples by how often its labels occur, N being its samples and n those that have the label.
 *
 *   label:  1 + ln(N / n)  |  √(N / n)  |  N / n
 *   sample: the largest or the mean over its labels; 1, the least there is, without any
 *
 * Labels are those that the training learns, so a teacher's and pseudo labels count.
 *
 * @see Spärck Jones: A statistical interpretation of term specificity, 1972, of the logarithm (scikit-learn's idf without
 *   smoothing); Mahajan et al., section 2.2, https://arxiv.org/abs/1805.00932, of the root; Gupta, Dollár, Girshick: LVIS,
 *   appendix, https://arxiv.org/abs/1908.03195, of the largest over a sample's labels
 */
export function sampleWeights({ weight, over }: SampleSpec, { samples, labelsOf }: Targets): WeightOf {
  const labels = labelLists(samples, labelsOf)
  const counts = new Map<number, number>()
  for (const label of labels.values()) for (const one of label) counts.set(one, (counts.get(one) ?? 0) + 1)
  const rarity = (label: number): number => weighed(weight, samples.length / counts.get(label)!)
  const weights = new Map(Array.from(labels, ([sample, own]) => [sample, pooled(over, own.map(rarity))]))
  return (sample) => weights.get(sample)!
}

/** The labels that each sample has. */
function labelLists(samples: Int32Array, labelsOf: Targets['labelsOf']): Map<number, number[]> {
  const lists = new Map<number, number[]>()
  for (let start = 0; start < samples.length; start += chunk) {
    const own = samples.subarray(start, start + chunk)
    const rows = labelsOf(own)
    const width = rows.length / own.length
    own.forEach((sample, i) => {
      const list: number[] = []
      for (let label = 0; label < width; label++) if (rows[i * width + label]! >= HAS) list.push(label)
      lists.set(sample, list)
    })
  }
  return lists
}

/** @param times N / n, at least 1. */
function weighed(weight: SampleSpec['weight'], times: number): number {
  switch (weight) {
    case 'log':
      return 1 + Math.log(times)
    case 'sqrt':
      return Math.sqrt(times)
    case 'inverse':
      return times
    default:
      return assertNever(weight)
  }
}

function pooled(over: SampleSpec['over'], weights: readonly number[]): number {
  if (weights.length === 0) return 1
  switch (over) {
    case 'rarest':
      return Math.max(...weights)
    case 'mean':
      return weights.reduce((sum, weight) => sum + weight, 0) / weights.length
    default:
      return assertNever(over)
  }
}

/**
 * So many of the entries, each drawn by itself with a chance in proportion to its weight, with replacement. Draw i takes
 * the first entry up to which the weights sum to more than u · all of them, u the stream's number i.
 *
 * @see torch.utils.data.WeightedRandomSampler with replacement
 */
export function drawSamples(entries: Int32Array, weightOf: WeightOf, count: number, key: Key): Int32Array {
  let total = 0
  const sums = Float64Array.from(entries, (sample) => (total += weightOf(sample)))
  return Int32Array.from({ length: count }, (_, i) => entries[firstAbove(sums, uniform(key, i) * total)]!)
}

/** Where an ascending list first is above x; its last place where rounding has x at its end. */
function firstAbove(sums: Float64Array, x: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sums[middle]! > x) high = middle
    else low = middle + 1
  }
  return low
}

/** For each entry of an order, how often its sample has come before it. */
export function turnsOf(order: Int32Array): Int32Array {
  const seen = new Map<number, number>()
  return order.map((sample) => {
    const turn = seen.get(sample) ?? 0
    seen.set(sample, turn + 1)
    return turn
  })
}
