import { AppError, checkBlend, foldsOf, pointerOf } from '@baton/contracts'
import type { BlendSpec, Experiment, Fault } from '@baton/contracts'
import { canonicalJson, sha256 } from '../digest.ts'
import { emit } from '../notification/emit.ts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'
import { splitWarnings } from './compare-experiments.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Makes an experiment of the predictions of several, and asks for it to be assembled, in one transaction. It takes the
 * project's next number; its spec is that of the first member, whose metric it is scored by.
 *
 * @param input.id Names the request: an ensemble that it made before is answered again, not made twice.
 * @throws {AppError} `not-found`; `request-invalid` for a member twice, or a blend that the metric does not allow;
 *   `conflict` for a member that has not completed, is an ensemble itself, or whose folds are others than the first's
 */
export async function createEnsemble(
  { store }: { store: Store },
  input: { project: string; spec: BlendSpec; id?: string | null },
): Promise<Experiment> {
  const { spec: asked, id = null } = input
  const project = await findProject({ store }, input.project)
  const before = id === null ? null : await store.experiments.find(id)
  if (before !== null) return getExperiment({ store }, { project: project.slug, version: before.version })
  const members = await Promise.all(
    asked.members.map((version) => getExperiment({ store }, { project: project.slug, version })),
  )
  const [first] = members as [Experiment, ...Experiment[]]
  assertPossible(asked, members)
  for (const member of members) assertFits(member, first)

  const { name, ...how } = asked
  const spec = { ...first.spec, name, labels: togetherOf(members) }
  const blend = { ...how, members: asked.members.map((version) => ({ version, weight: null })) }
  const [dataset = '', version] = spec.dataset.split('@')
  const record = (await store.datasets.find(project.id, dataset, Number(version)))!
  const made = await store.transaction(async (tables) => {
    const inserted = await tables.experiments.insert({
      ...(id === null ? {} : { id }),
      projectId: project.id,
      parent: null,
      spec,
      specDigest: sha256(canonicalJson({ ...spec, blend, datasetManifest: record.manifest.digest })),
      datasetVersionId: record.id,
      codeBundleId: null,
      blend,
      inputs: [],
      folds: foldsOf(spec),
      priorities: foldsOf(spec).map(() => spec.priority),
    })
    await emit(tables, inserted.id, { kind: 'experiment-created', folds: inserted.foldIds.length })
    await tables.outbox.append([{ kind: 'assemble-experiment', payload: { experimentId: inserted.id } }])
    return inserted
  })
  return getExperiment({ store }, { project: project.slug, version: made.version })
}

/** The label groups that any of the members predicts; null: all. */
function togetherOf(members: readonly Experiment[]): string[] | null {
  const named = members.map(({ spec }) => spec.labels)
  return named.includes(null) ? null : [...new Set(named.flatMap((groups) => groups ?? []))]
}

function assertPossible(asked: BlendSpec, members: readonly Experiment[]): void {
  const [{ spec }] = members as [Experiment, ...Experiment[]]
  const faults: Fault[] = []
  asked.members.forEach((version, i) => {
    if (asked.members.indexOf(version) !== i)
      faults.push({ pointer: pointerOf(['members', i]), detail: `#${version} is listed twice` })
  })
  checkBlend(asked, spec.metric, (path, detail) => faults.push({ pointer: pointerOf(path.map(String)), detail }))
  if (asked.by === 'rank' && members.some((member) => String(member.spec.labels) !== String(spec.labels)))
    faults.push({
      pointer: '/by',
      detail: 'ranks among the labels of some groups are not those among all; choose mean or weighted',
    })
  const [fault] = faults
  if (fault) throw new AppError('request-invalid', {}, { detail: `${fault.pointer} ${fault.detail}`, faults })
}

/** @throws {AppError} `conflict` */
function assertFits({ version, status, blend, spec }: Experiment, first: Experiment): void {
  const refuse = (detail: string) => new AppError('conflict', { version }, { detail: `#${version} ${detail}` })
  if (status !== 'completed') throw refuse(`is ${status}; an ensemble is made of completed experiments`)
  if (blend !== null)
    throw refuse(`is an ensemble itself; name its members ${blend.members.map((member) => member.version).join(', ')}`)
  const [warning] = splitWarnings(first.spec, spec)
  if (warning !== undefined) throw refuse(`does not fit #${first.version}: ${warning}`)
  if (foldsOf(first.spec).join() !== foldsOf(spec).join())
    throw refuse(`trained folds ${foldsOf(spec).join(', ')}, and #${first.version} ${foldsOf(first.spec).join(', ')}`)
}
