import { AppError } from '@baton/contracts'
import type { Tensor, Tensors } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { fromDepthwise } from './depthwise-substitute.ts'
import type { Model, ModelVariable, NamedTensor } from './model.ts'
import { HEAD } from './model.ts'
import { fromTimm, timmNameOf } from './timm-layout.ts'

/** A way to name and lay out weights. */
interface Dialect {
  readonly nameOf: (name: string) => string
  /** To our layout. */
  readonly convert: (name: string, tensor: NamedTensor) => NamedTensor
}

const asIs = (_name: string, tensor: NamedTensor) => tensor

/** Ours, as checkpoints have it; that of TensorFlow.js layers models; timm's. */
const dialects: readonly Dialect[] = [
  { nameOf: (name) => name, convert: asIs },
  { nameOf: (name) => name.replace(/\/(mean|variance)$/, '/moving_$1'), convert: asIs },
  { nameOf: timmNameOf, convert: fromTimm },
]

/** The layer of an exported layers model that normalises images. */
export const NORMALISE = 'normalise'

/** PyTorch counts batches in its normalisation; nothing depends on it. The spec says how images are normalised. */
const IGNORED = new RegExp(`(^|\\.)num_batches_tracked$|^${NORMALISE}/`)

/**
 * Sets a model's variables, by name, from a file of weights: one of timm for the networks named as there, a
 * TensorFlow.js layers model, or one that Baton wrote. Which of them it is, the names tell.
 *
 * A head of another shape, for other classes, or none is no fault: the model's then stays as it began.
 *
 * @returns Names of the head's variables that stayed.
 * @throws {AppError} `weights-unfit`, listing names that are missing, unexpected, or of another shape; the model is as
 *   it was then
 */
export function loadWeights(tf: Tf, model: Pick<Model, 'variables'>, given: Tensors): { fresh: readonly string[] } {
  const { variables } = model
  const tensors = withGroupedKernels(variables, given)
  const { nameOf, convert } = dialectOf(variables, tensors)
  const found = variables.map((target) => {
    const name = nameOf(target.name)
    return { target, name, ...match(target, tensors.get(name), convert) }
  })
  const isFresh = found.some(({ target, fault }) => target.group === HEAD && fault !== null)
  const wanted = found.filter(({ target }) => !(isFresh && target.group === HEAD))
  refuse({
    missing: wanted.filter(({ fault }) => fault === 'missing').map(({ name }) => name),
    'of another shape': wanted.flatMap(({ name, fault }) =>
      fault !== null && fault !== 'missing' ? [`${name} ${fault}`] : [],
    ),
    unexpected: unexpectedIn(tensors, new Set(found.map(({ name }) => name))),
  })
  for (const { target, value } of wanted)
    tf.tidy(() => {
      target.variable.assign(tf.tensor(value!.data.slice(), [...value!.shape]))
    })
  return { fresh: isFresh ? variables.filter(({ group }) => group === HEAD).map(({ name }) => name) : [] }
}

/** The tensors, with the filters by which layers models replace a convolution in groups made that convolution's again. */
function withGroupedKernels(variables: readonly ModelVariable[], tensors: Tensors): Tensors {
  const all = new Map(tensors)
  for (const { name, variable } of variables) {
    const substitute = name.replace(/\/kernel$/, '/depthwise_kernel')
    const { shape = [], data } = tensors.get(substitute) ?? {}
    if (substitute === name || shape.length !== 4 || !(data instanceof Float32Array)) continue
    const groups = shape[2]! / variable.shape[2]!
    if (!Number.isInteger(groups)) continue
    all.delete(substitute)
    all.set(name, fromDepthwise({ shape, data }, groups))
  }
  return all
}

/** The dialect that most of the names fit. */
function dialectOf(variables: readonly ModelVariable[], tensors: Tensors): Dialect {
  const fitting = ({ nameOf }: Dialect) => variables.filter(({ name }) => tensors.has(nameOf(name))).length
  return dialects.reduce((best, next) => (fitting(next) > fitting(best) ? next : best))
}

type Match = { readonly fault: null; readonly value: NamedTensor } | { readonly fault: string; readonly value: null }

function match({ name, variable }: ModelVariable, tensor: Tensor | undefined, convert: Dialect['convert']): Match {
  if (!tensor) return { fault: 'missing', value: null }
  const { shape, data } = tensor
  if (!(data instanceof Float32Array)) return { fault: 'does not hold float32', value: null }
  const value = convert(name, { shape, data })
  const list = (sizes: readonly number[]) => `[${sizes.join(', ')}]`
  return value.shape.join() === variable.shape.join()
    ? { fault: null, value }
    : { fault: `is ${list(value.shape)} in our layout, not ${list(variable.shape)}`, value: null }
}

function unexpectedIn(tensors: Tensors, known: ReadonlySet<string>): string[] {
  return [...tensors.keys()].filter((name) => !known.has(name) && !IGNORED.test(name))
}

/** How many names of a kind a message lists. */
const LISTED = 5

function refuse(faults: Readonly<Record<string, readonly string[]>>): void {
  const parts = Object.entries(faults)
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => {
      const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : ''
      return `${names.length} ${kind}: ${names.slice(0, LISTED).join(', ')}${more}`
    })
  if (parts.length > 0) throw new AppError('weights-unfit', faults, { detail: parts.join('; ') })
}
