import type { Blob, DatasetVersion, SplitFacts } from '@baton/contracts'
import type { DatasetRecord, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { isUniqueViolation } from '../errors.ts'
import { Prisma } from '../generated/client.ts'
import type { DatasetVersionModel } from '../generated/models.ts'
import type { RunPrepared } from '../run-prepared.ts'
import { newestFirst } from './newest-first.ts'
import { usedBy } from './used-by.ts'

export function datasetTable(db: Connection, run: RunPrepared): Tables['datasets'] {
  const newest = (projectId: string, dataset: string) =>
    db.datasetVersion.findFirst({ where: { projectId, dataset }, orderBy: { version: 'desc' } })
  const append: Tables['datasets']['append'] = async (version) => {
    const { projectId, dataset, manifest, shards, samplesTrain, samplesTest, labelGroups, splitFacts } = version
    const last = await newest(projectId, dataset)
    if (last?.manifest === manifest.digest) return datasetVersionOf(last)
    const sizeBytes = shards.reduce((sum, shard) => sum + shard.sizeBytes, manifest.sizeBytes)
    try {
      const row = await db.datasetVersion.create({
        data: {
          projectId,
          dataset,
          version: (last?.version ?? 0) + 1,
          manifest: manifest.digest,
          manifestSize: manifest.sizeBytes,
          shards: shards.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
          samplesTrain,
          samplesTest,
          sizeBytes,
          labelGroups: labelGroups.map(({ name, labels }) => ({ name, labels })),
          splitFacts,
        },
      })
      return datasetVersionOf(row)
    } catch (error) {
      // Somebody took the number meanwhile: the next one then, or theirs, if it is the same manifest.
      if (isUniqueViolation(error)) return append(version)
      throw error
    }
  }
  return {
    append,
    find: async (projectId, dataset, version) => {
      const [row] = await run<DatasetRow>(
        'find-dataset',
        Prisma.sql`
        SELECT id, dataset, version, manifest, manifest_size AS "manifestSize", shards,
          label_groups AS "labelGroups", split_facts AS "splitFacts"
        FROM dataset_version
        WHERE project_id = ${projectId}::uuid AND dataset = ${dataset} AND version = coalesce(${version}, version)
        ORDER BY version DESC LIMIT 1`,
      )
      return row ? datasetRecordOf(row) : null
    },
    get: async (projectId, dataset, version) => {
      const row = await db.datasetVersion.findUnique({
        where: { projectId_dataset_version: { projectId, dataset, version } },
      })
      return row && { ...datasetVersionOf(row), usedBy: await usedBy(db, { datasetVersionId: row.id }) }
    },
    list: (projectId, page) =>
      newestFirst(page, datasetVersionOf, ({ where, ...part }) =>
        db.datasetVersion.findMany({ where: { projectId, ...where }, ...part }),
      ),
  }
}

type DatasetRow = Pick<
  DatasetVersionModel,
  'id' | 'dataset' | 'version' | 'manifest' | 'manifestSize' | 'shards' | 'labelGroups' | 'splitFacts'
>

export function datasetRecordOf(row: DatasetRow): DatasetRecord {
  return {
    id: row.id,
    dataset: row.dataset,
    version: row.version,
    manifest: { digest: row.manifest, sizeBytes: row.manifestSize },
    shards: row.shards as Blob[],
    labelGroups: (row.labelGroups as DatasetVersion['labelGroups']).map(({ name }) => name),
    splitFacts: row.splitFacts as SplitFacts | null,
  }
}

function datasetVersionOf(row: DatasetVersionModel): DatasetVersion {
  return {
    dataset: row.dataset,
    version: row.version,
    manifest: row.manifest,
    samplesTrain: row.samplesTrain,
    samplesTest: row.samplesTest,
    sizeBytes: Number(row.sizeBytes),
    labelGroups: row.labelGroups as DatasetVersion['labelGroups'],
    splitFacts: row.splitFacts as SplitFacts | null,
    createdAt: row.createdAt.toISOString(),
  }
}
