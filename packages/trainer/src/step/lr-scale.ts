import type { StageSpec } from '@baton/contracts'
import { AppError } from '@baton/contracts'
import type { Model } from '../models/model.ts'

/**
 * The factor of each layer group's learning rate in a stage.
 *
 *   decay d    factor_l = d^(L − l)
 *   slice s    factor_l = s^((L − l) / (L − 1)), of a model of one group 1
 *   groups     as given, 1 for those not named
 *
 * with l from 1 to L, the head, over all groups of the model, whether the stage trains them or not.
 *
 * @see Howard, Ruder: ULMFiT, section 3.2, https://arxiv.org/abs/1801.06146 (decay 1 / 2.6 there); `slice` is fastai's
 *   `slice(s · lr, lr)`, which `even_mults` lays out, https://docs.fast.ai/learner.html
 * @throws {AppError} `spec-invalid`, when the stage names a group that the model does not have
 */
export function lrScales({ groups }: Pick<Model, 'groups'>, { name, lrScale }: StageSpec): ReadonlyMap<string, number> {
  const names = groups.map((group) => group.name)
  const { decay, slice, groups: factors = {} } = lrScale ?? {}
  const unknown = Object.keys(factors).find((group) => !names.includes(group))
  if (unknown !== undefined) {
    const detail = `stage ${name} scales the rate of the layer group ${unknown}, which the model lacks; it has ${names.join(', ')}`
    throw new AppError('spec-invalid', { stage: name, group: unknown, groups: names }, { detail })
  }
  const last = names.length - 1
  return new Map(
    names.map((group, l) => {
      if (decay !== undefined) return [group, decay ** (last - l)]
      if (slice !== undefined) return [group, last === 0 ? 1 : slice ** ((last - l) / last)]
      return [group, factors[group] ?? 1]
    }),
  )
}
