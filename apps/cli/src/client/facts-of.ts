import { isDeepStrictEqual } from 'node:util'
import { allPages, AppError } from '@baton/contracts'
import type { Client, DatasetVersion, ExperimentSpec, Provider } from '@baton/contracts'
import type { Known } from '@baton/trainer'
import type { Io } from '../io.ts'
import { chooseProject, connect } from './connect.ts'

/** What a person says of a spec's surroundings, so that nobody needs to be asked. */
export interface Told {
  readonly project?: string
  readonly samples?: number
  readonly testSamples?: number
  readonly labels?: number
  readonly provider?: Provider
  readonly imagesPerSecond?: number
}

export interface Facts extends Omit<Known, 'model'> {
  /** Of the dataset version; test samples null where they are not known. */
  readonly samples: { readonly train: number; readonly test: number | null }
  /** Of the label groups that are learnt; null: not known. */
  readonly labels: number | null
  /** Where `imagesPerSecond` is from. */
  readonly pace: string | null
}

/** Completed experiments that are looked at for the pace of the same model. */
const looked = 20

/**
 * What an estimate of a spec follows from: as told, else as Baton knows it. With `samples` told, and no provider, nothing
 * is asked of Baton.
 *
 * @throws {AppError} `spec-invalid` where the dataset is not there; what the API answers
 */
export async function factsOf(io: Io, spec: ExperimentSpec, told: Told): Promise<Facts> {
  const { labels = null, provider, imagesPerSecond = null } = told
  const samples = told.samples === undefined ? undefined : { train: told.samples, test: told.testSamples ?? null }
  const given = { imagesPerSecond, pace: imagesPerSecond === null ? null : 'as told' }
  if (samples !== undefined && provider === undefined)
    return { samples, labels, dataset: null, sessionSeconds: null, ...given }
  const connection = await connect(io)
  const { api } = connection
  const sessionSeconds = provider === undefined ? null : await sessionSecondsOf(api, provider)
  if (samples !== undefined) return { samples, labels, dataset: null, sessionSeconds, ...given }
  const project = await chooseProject(connection, told.project)
  const dataset = await datasetOf(api, project, spec)
  const learnt = dataset.labelGroups.filter(({ name }) => spec.labels?.includes(name) ?? true)
  return {
    samples: { train: dataset.samplesTrain, test: told.testSamples ?? dataset.samplesTest },
    labels: labels ?? learnt.reduce((sum, group) => sum + group.labels, 0),
    dataset,
    sessionSeconds,
    ...(imagesPerSecond === null ? await measuredPace(api, project, spec) : given),
  }
}

async function sessionSecondsOf(api: Client, provider: Provider): Promise<number | null> {
  return (await api.getProviderProfile({ params: { provider } })).sessionSeconds
}

/** The version that a spec's `dataset` names. @throws {AppError} `spec-invalid` where it is not there */
export async function datasetOf(
  api: Client,
  project: string,
  { dataset }: Pick<ExperimentSpec, 'dataset'>,
): Promise<DatasetVersion> {
  const [name, version] = dataset.split('@')
  const versions = await allPages(api.listDatasetVersions, { params: { project } })
  const found = versions.find(
    (item) => item.dataset === name && (version ?? String(item.version)) === String(item.version),
  )
  if (found) return found
  const detail = `project "${project}" has no dataset ${dataset}; create it, or say how large it is with --samples`
  throw new AppError('spec-invalid', {}, { faults: [{ pointer: '/dataset', detail }] })
}

/** The pace of the newest completed experiment of the same model and size of pictures: the median of its folds. */
async function measuredPace(
  api: Client,
  project: string,
  spec: ExperimentSpec,
): Promise<Pick<Facts, 'imagesPerSecond' | 'pace'>> {
  const where = `status = completed AND spec.image.size = ${spec.image.size}`
  const { items } = await api.listExperiments({ params: { project }, query: { where, limit: looked } })
  for (const { version } of items) {
    const { spec: other, folds } = await api.getExperiment({ params: { project, version } })
    if (!isDeepStrictEqual(other.model, spec.model)) continue
    const paces = folds.flatMap(({ progress }) => progress?.imagesPerSecond ?? []).sort((a, b) => a - b)
    const median = paces[Math.floor(paces.length / 2)]
    if (median !== undefined) return { imagesPerSecond: median, pace: `as measured in #${version}` }
  }
  return { imagesPerSecond: null, pace: null }
}
