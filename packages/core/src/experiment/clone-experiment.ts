import { AppError, applyMergePatch, parseCompleteSpec } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import type { Store } from '../store.ts'
import { createExperiment } from './create-experiment.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Starts an experiment from the spec of another, with changes laid over it as a JSON merge patch (RFC 7396); without any
 * it is the same training again. Code and the version of the dataset stay what they were unless they are changed.
 *
 * @param input.id As for `createExperiment`.
 * @throws {AppError} `not-found`; `conflict` for an ensemble; `spec-invalid` with pointers into the changed spec
 */
export async function cloneExperiment(
  { store }: { store: Store },
  input: { project: string; version: number; overrides: unknown; id?: string | null },
): Promise<Experiment> {
  const { project, version, overrides, id = null } = input
  const parent = await getExperiment({ store }, input)
  if (parent.blend !== null)
    throw new AppError(
      'conflict',
      { version },
      { detail: `#${version} is an ensemble: nothing was trained; make another one of the same members` },
    )
  const spec = parseCompleteSpec(applyMergePatch(parent.spec, overrides))
  if (spec.recipe !== parent.spec.recipe) {
    const detail = 'fills in nothing here: the spec of an experiment is complete; start from a spec with that recipe'
    throw new AppError('spec-invalid', {}, { faults: [{ pointer: '/recipe', detail }] })
  }
  return createExperiment({ store }, { project, spec, parent, id })
}
