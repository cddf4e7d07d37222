import type { NamedTensor } from './model.ts'

/**
 * The filter of a convolution in groups, as that of the depthwise convolution that a layers model has in its place: each
 * input channel is filtered for every output of its group, and the mean over the group's inputs is what their sum would
 * be, times their number. The number is in the filter.
 *
 * @param kernel [height, width, own, groups · outputs], `own` being the inputs of a group
 * @returns [height, width, groups · own, outputs], times `own`
 */
export function toDepthwise({ shape, data }: NamedTensor, groups: number): NamedTensor {
  const [height, width, own, filters] = shape as [number, number, number, number]
  const outputs = filters / groups
  const values = new Float32Array(data.length)
  places(groups, own, outputs, data.length, (from, to) => (values[to] = data[from]! * own))
  return { shape: [height, width, groups * own, outputs], data: values }
}

/** The other way round; exact where `own` is a power of two, as it is in networks of their usual width. */
export function fromDepthwise({ shape, data }: NamedTensor, groups: number): NamedTensor {
  const [height, width, inputs, outputs] = shape as [number, number, number, number]
  const own = inputs / groups
  const values = new Float32Array(data.length)
  places(groups, own, outputs, data.length, (to, from) => (values[to] = data[from]! / own))
  return { shape: [height, width, own, groups * outputs], data: values }
}

/** Where each value of the grouped filter is in the depthwise one. */
function places(
  groups: number,
  own: number,
  outputs: number,
  length: number,
  visit: (grouped: number, depthwise: number) => void,
): void {
  for (let grouped = 0; grouped < length; grouped++) {
    const output = grouped % outputs
    const group = Math.floor(grouped / outputs) % groups
    const input = Math.floor(grouped / (groups * outputs)) % own
    const pixel = Math.floor(grouped / (groups * outputs * own))
    visit(grouped, ((pixel * groups + group) * own + input) * outputs + output)
  }
}
