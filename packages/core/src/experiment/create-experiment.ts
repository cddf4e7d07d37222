import { AppError, foldsOf, pointerOf } from '@baton/contracts'
import type { Experiment, ExperimentInput, ExperimentSpec, Fault, Project } from '@baton/contracts'
import { splitFault } from '@baton/evaluation'
import { canonicalJson, sha256 } from '../digest.ts'
import { findProject } from '../project/find-project.ts'
import type { DatasetRecord, Store, Tables } from '../store.ts'
import { queueOffers } from '../lease/queue-offers.ts'
import { emit } from '../notification/emit.ts'
import { holdInputs, inputsOf } from './resolve-inputs.ts'

/**
 * Accepts an experiment: spec, folds, event and the offers of its folds are written in one transaction, so an
 * accepted experiment is never without its work. The spec is immutable from here on.
 *
 * @param input.parent What it was cloned from or repeats: where it takes the same from elsewhere, it takes the same objects.
 * @param accepted Called once it is written: its folds' offers go out while the answer is read, which waits for none.
 * @param input.id Names the request: an experiment that it made before is answered again, not made twice.
 * @throws {AppError} `not-found`, `spec-invalid` where it names a dataset, bundle or input that cannot be had
 */
export async function createExperiment(
  { store, accepted = () => undefined }: { store: Store; accepted?: () => void },
  input: { project: string; spec: ExperimentSpec; parent?: Experiment; id?: string | null },
): Promise<Experiment> {
  const project = await findProject({ store }, input.project)
  const before = input.id ? await store.experiments.find(input.id) : null
  if (before !== null) return (await store.experiments.get(project.slug, before.version))!
  const resolved = await resolveSpec(store, project, input.spec, input.parent)
  const request = { id: input.id ?? null, parent: input.parent?.version ?? null, project }
  const { version } = await store.transaction((tables) => insertExperiment(tables, { ...request, ...resolved }))
  accepted()
  return (await store.experiments.get(project.slug, version))!
}

/** A spec and what it names, found; its dataset with the version. @throws {AppError} `spec-invalid` */
export async function resolveSpec(store: Store, project: Project, spec: ExperimentSpec, parent?: Experiment) {
  const [name = '', version] = spec.dataset.split('@')
  const dataset = await store.datasets.find(project.id, name, version === undefined ? null : Number(version))
  const bundle = spec.code === null ? null : await store.bundles.find(project.id, spec.code)
  const faults: Fault[] = []
  if (dataset === null)
    faults.push({
      pointer: '/dataset',
      detail: `project "${project.slug}" has no dataset ${spec.dataset}; create it with \`baton dataset create\``,
    })
  if (spec.code !== null && bundle === null)
    faults.push({
      pointer: '/code',
      detail: `project "${project.slug}" has no such code bundle; push it with \`baton code push\``,
    })
  if (dataset !== null) faults.push(...unknownGroups(spec, dataset), ...unfitSplit(spec, dataset))
  if (dataset === null || faults.length > 0) throw new AppError('spec-invalid', {}, { faults })
  const exact = { ...spec, dataset: `${dataset.dataset}@${dataset.version}` }
  const inputs = await inputsOf({ store }, { project, spec: exact, dataset, parent: parent ?? null })
  return { spec: exact, dataset, codeBundleId: bundle?.id ?? null, inputs }
}

/** Label groups that the dataset does not have, and limits of those that are not predicted. */
function unknownGroups({ metric, labels }: ExperimentSpec, { labelGroups, dataset, version }: DatasetRecord): Fault[] {
  const has = `its groups are ${labelGroups.join(', ')}`
  const learnt = labels ?? labelGroups
  const notThere = (labels ?? []).flatMap((group, i) =>
    labelGroups.includes(group)
      ? []
      : [{ pointer: pointerOf(['labels', i]), detail: `${dataset}@${version} has no label group "${group}"; ${has}` }],
  )
  const notLearnt = Object.keys(metric.labelsOf)
    .filter((group) => !learnt.includes(group))
    .map((group) => ({
      pointer: pointerOf(['metric', 'labelsOf', group]),
      detail: labelGroups.includes(group)
        ? `${group} is not among \`labels\`; take it out here, or add it there`
        : `${dataset}@${version} has no such label group; ${has}`,
    }))
  return [...notThere, ...notLearnt]
}

/** Folds that the dataset cannot be split into; where that is not known, the first fold's training finds it. */
function unfitSplit({ folds }: ExperimentSpec, { splitFacts, dataset, version }: DatasetRecord): Fault[] {
  const fault = splitFacts && splitFault(splitFacts, folds)
  return fault ? [{ pointer: `/folds/${fault.field}`, detail: `${dataset}@${version}: ${fault.detail}` }] : []
}

interface Resolved {
  readonly id: string | null
  readonly parent: number | null
  readonly project: Project
  readonly spec: ExperimentSpec
  readonly dataset: DatasetRecord
  readonly codeBundleId: string | null
  readonly inputs: readonly ExperimentInput[]
  /** First folds are leased before later ones: each has a priority one above the next one's. */
  readonly inOrder?: boolean
}

/** Writes an experiment with all that follows from it, in the caller's transaction. */
export async function insertExperiment(tables: Tables, resolved: Resolved): Promise<{ id: string; version: number }> {
  const { id: requested, parent, project, spec, dataset, codeBundleId, inputs, inOrder = false } = resolved
  await holdInputs(tables, inputs)
  const folds = foldsOf(spec)
  const priorities = folds.map((_, i) => spec.priority + (inOrder ? folds.length - 1 - i : 0))
  const taken = inputs.length === 0 ? {} : { inputs }
  const specDigest = sha256(canonicalJson({ ...spec, datasetManifest: dataset.manifest.digest, ...taken }))
  const { id, version, foldIds } = await tables.experiments.insert({
    ...(requested === null ? {} : { id: requested }),
    projectId: project.id,
    parent,
    spec,
    specDigest,
    datasetVersionId: dataset.id,
    codeBundleId,
    inputs,
    folds,
    priorities,
  })
  await emit(tables, id, {
    kind: 'experiment-created',
    folds: folds.length,
    ...(parent === null ? {} : { parent }),
  })
  const { pool } = spec
  await queueOffers(
    tables,
    foldIds.map((foldId, i) => ({ id: foldId, offer: 1, pool, priority: priorities[i]! })),
  )
  return { id, version }
}
