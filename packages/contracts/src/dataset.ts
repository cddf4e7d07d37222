import { z } from 'zod'
import { Blob, Digest } from './ids.ts'

export const Split = z.enum(['train', 'test'])
export type Split = z.infer<typeof Split>

/** Labels that are scored and thresholded together, e.g. culture and tag. */
export const LabelGroup = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[^\0\p{Surrogate}]*$/u, 'text without NUL and halves of characters'),
  labels: z.array(z.string().min(1).max(200)).min(1).max(100_000),
})
export type LabelGroup = z.infer<typeof LabelGroup>

/**
 * One picture and its labels. Labels are indices into all groups' labels laid end to end.
 * The bytes stand at `offset`, `length` of shard number `shard`, and have `digest`.
 */
export const Sample = z.strictObject({
  id: z.string().min(1).max(200),
  split: Split,
  /** Samples of one group never straddle a fold; null: a group of its own. */
  group: z.string().min(1).max(200).nullable(),
  /** Of a train sample: the fold that validates it, 0-based, where the dataset says so (`folds.split: column`). */
  fold: z.int().min(0).max(49).optional(),
  labels: z.array(z.int().nonnegative()),
  shard: z.int().nonnegative(),
  offset: z.int().nonnegative(),
  length: z.int().positive(),
  digest: Digest,
})
export type Sample = z.infer<typeof Sample>

/** A dataset version: its labels, its samples, and the tar files (shards) that hold their bytes. */
export const DatasetManifest = z.strictObject({
  format: z.literal('baton.dataset/1'),
  labelGroups: z.array(LabelGroup).min(1).max(16),
  shards: z.array(Blob).max(10_000),
  samples: z.array(Sample).min(1),
  /** Where the pictures come from and under which licence, as text lines. */
  licences: z.array(z.string().max(500)),
})
export type DatasetManifest = z.infer<typeof DatasetManifest>

/** A file of this machine that has bytes of a shard, each at its offset in the shard. */
export const ShardFile = z.strictObject({
  path: z.string().min(1),
  /** Whether it is the whole shard; else it has the samples that were asked for, and others that were before. */
  isWhole: z.boolean(),
})
export type ShardFile = z.infer<typeof ShardFile>

/** All labels of all groups, laid end to end: what a sample's label indices point into. */
export function labelsOf(manifest: Pick<DatasetManifest, 'labelGroups'>): string[] {
  return manifest.labelGroups.flatMap((group) => group.labels)
}

/** Column range [start, end) of each label group in a [samples, labels] table. */
export function labelRanges(
  manifest: Pick<DatasetManifest, 'labelGroups'>,
): { name: string; start: number; end: number }[] {
  let start = 0
  return manifest.labelGroups.map(({ name, labels }) => {
    const range = { name, start, end: start + labels.length }
    start = range.end
    return range
  })
}

/**
 * Positions, among all labels laid end to end, of the labels of some groups: in the dataset's order, whatever the order
 * in which they are named. Null: all.
 */
export function labelColumns(
  manifest: Pick<DatasetManifest, 'labelGroups'>,
  groups: readonly string[] | null,
): number[] {
  return labelRanges(manifest)
    .filter(({ name }) => groups === null || groups.includes(name))
    .flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
}

/**
 * The dataset as a model of some label groups sees it: those groups alone, and of each sample's labels those in them.
 * Samples keep their places.
 */
export function ofLabelGroups<T extends Pick<DatasetManifest, 'labelGroups' | 'samples'>>(
  manifest: T,
  groups: readonly string[] | null,
): T {
  if (groups === null) return manifest
  const columnOf = new Map(labelColumns(manifest, groups).map((label, column) => [label, column]))
  return {
    ...manifest,
    labelGroups: manifest.labelGroups.filter(({ name }) => groups.includes(name)),
    samples: manifest.samples.map((sample) => ({
      ...sample,
      labels: sample.labels.flatMap((label) => columnOf.get(label) ?? []),
    })),
  }
}
