import { parseManifest } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import type { Io } from '../io.ts'
import { readBytes } from '../transfer/read-bytes.ts'
import { chooseProject, connect } from './connect.ts'
import { datasetOf } from './facts-of.ts'

/** As large as a manifest may be. */
const maxManifestBytes = 512 * 2 ** 20

export interface StoredPicture {
  /** Of its sample. */
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Train pictures of a dataset that Baton has, each read by itself from its shard.
 *
 * @param choose Which of the train samples.
 * @throws {AppError} `spec-invalid` where the dataset is not there; what the API and storage answer
 */
export async function readPictures(
  io: Io,
  { dataset, project: asked }: { dataset: string; project: string | undefined },
  choose: (samples: DatasetManifest['samples']) => DatasetManifest['samples'],
): Promise<StoredPicture[]> {
  const connection = await connect(io)
  const { api } = connection
  const signal = io.stopSignal()
  const project = await chooseProject(connection, asked)
  const { dataset: name, version, manifest: digest } = await datasetOf(api, project, { dataset })
  const addressOf = (object: string) => async () =>
    (await api.downloadDatasetObject({ params: { project, dataset: name, version, digest: object } })).url
  const bytes = await readBytes({
    address: addressOf(digest),
    digest,
    part: null,
    maxBytes: maxManifestBytes,
    signal,
  })
  const { samples, shards } = parseManifest(JSON.parse(new TextDecoder().decode(bytes)))
  return Promise.all(
    choose(samples.filter(({ split }) => split === 'train')).map(async ({ id, shard, offset, length, digest: own }) => {
      const address = addressOf(shards[shard]!.digest)
      const part = { offset, length }
      return { name: id, bytes: await readBytes({ address, digest: own, part, maxBytes: length, signal }) }
    }),
  )
}
