import type { Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs'
import { assertNever, OptimizerSpec } from '@baton/contracts'
import { isRecorded, updateInPlace } from '@baton/graph-step'
import type { InputSpec, StateEntry } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { ModelVariable, NamedTensors } from '../models/model.ts'
import { adam } from './adam.ts'
import { adamw } from './adamw.ts'
import { lamb } from './lamb.ts'
import { rmsprop } from './rmsprop.ts'
import type { OptimizerRule, UpdateInput } from './rule.ts'
import { sgd } from './sgd.ts'
import { sgdm } from './sgdm.ts'

const names = OptimizerSpec.options.map(({ shape }) => shape.name.value)

/** Whether a tensor of a training's state is an optimizer's: `adamw/m/stem/conv/kernel`. */
export function isOptimizerSlot(name: string): boolean {
  return names.some((optimizer) => name.startsWith(`${optimizer}/`))
}

function ruleOf(spec: OptimizerSpec): OptimizerRule {
  switch (spec.name) {
    case 'sgd':
      return sgd(spec)
    case 'sgdm':
      return sgdm(spec)
    case 'rmsprop':
      return rmsprop(spec)
    case 'adam':
      return adam(spec)
    case 'adamw':
      return adamw(spec)
    case 'lamb':
      return lamb(spec)
    default:
      return assertNever(spec)
  }
}

/** What a schedule says of one step. */
export interface StepRates {
  readonly lr: number
  /** In place of the spec's momentum, or of its β₁ for optimizers of Adam's kind. */
  readonly momentum?: number
}

/** One optimizer over the variables that a stage trains. Its slots are named by variable, never by position. */
export interface Optimizer {
  /** Slots as state of the step's program: `<optimizer>/<slot>/<variable>`. */
  readonly state: readonly StateEntry[]
  /** What `rates` gives and `apply` takes. */
  readonly rateInput: InputSpec
  /** The rates of the next update of every variable, [rates, variables]; the caller disposes it. */
  rates(step: StepRates): Tensor2D
  /** Assigns every variable and slot its next value. Part of the step: gradients in the order of the variables. */
  apply(gradients: readonly Tensor[], rates: Tensor2D): void
  /** Counts an update that was done. */
  count(): void
  /** How many updates each variable has had, as scalars named `<optimizer>/t/<variable>`; none if it does not matter. */
  counts(): NamedTensors
  /** Takes up counts of `counts`; a variable without one starts afresh. */
  restoreCounts(state: NamedTensors): void
  dispose(): void
}

/** @param scaleOf The factor of a layer group's learning rate. */
export function createOptimizer(
  tf: Tf,
  spec: OptimizerSpec,
  variables: readonly ModelVariable[],
  scaleOf: (group: string) => number = () => 1,
): Optimizer {
  const rule = ruleOf(spec)
  const entries = variables.map((target) => entryOf(tf, rule, target))
  const countName = (name: string) => `${rule.name}/t/${name}`
  return {
    state: entries.flatMap(({ slots }) => slots),
    rateInput: { shape: [rule.rates(0, 1).length, variables.length], dtype: 'float32' },
    rates({ lr, momentum }) {
      const columns = entries.map(({ target, updates }) =>
        rule.rates(lr * scaleOf(target.group), updates + 1, momentum),
      )
      return tf.tensor2d(columns[0]!.map((_, row) => columns.map((column) => column[row]!)))
    },
    apply(gradients, rates) {
      const rows = tf.unstack(rates).map((row) => tf.unstack(row) as Scalar[])
      entries.forEach(({ target, slots }, i) =>
        applyRule(rule, {
          tf,
          weight: target.variable,
          gradient: gradients[i]!,
          slots: slots.map(({ variable }) => variable),
          rates: rows.map((row) => row[i]!),
          decays: spec.decayBiasAndNorm || target.role === 'kernel',
        }),
      )
    },
    count: () => entries.forEach((entry) => entry.updates++),
    counts() {
      const counted = rule.countsUpdates ? entries : []
      return new Map(
        counted.map(({ target, updates }) => [countName(target.name), { shape: [], data: Float32Array.of(updates) }]),
      )
    },
    restoreCounts(state) {
      for (const entry of entries) entry.updates = state.get(countName(entry.target.name))?.data[0] ?? 0
    },
    dispose: () => tf.dispose(entries.flatMap(({ slots }) => slots.map(({ variable }) => variable))),
  }
}

/** Sets a weight and its slots to what a rule makes of them. */
function applyRule(rule: OptimizerRule, input: UpdateInput): void {
  const { tf, weight, slots } = input
  if (rule.inPlace && isRecorded(tf)) {
    const { weight: before = weight, ...update } = rule.inPlace(input)
    if (before !== weight) weight.assign(before)
    return updateInPlace(tf, [weight, ...slots], update)
  }
  const next = rule.update(input)
  weight.assign(next.weight)
  slots.forEach((slot, i) => slot.assign(next.slots[i]!))
}

interface Entry {
  readonly target: ModelVariable
  readonly slots: readonly { name: string; variable: Variable }[]
  /** Updates done. */
  updates: number
}

function entryOf(tf: Tf, rule: OptimizerRule, target: ModelVariable): Entry {
  const slots = rule.slots.map((slot) => ({
    name: `${rule.name}/${slot}/${target.name}`,
    variable: tf.tidy(() => tf.variable(tf.zeros(target.variable.shape), false)),
  }))
  return { target, slots, updates: 0 }
}
