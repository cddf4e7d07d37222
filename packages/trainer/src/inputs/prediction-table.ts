import { labelColumns } from '@baton/contracts'
import type { DatasetManifest, PredictionsInput } from '@baton/contracts'
import { predictionsIn } from '@baton/evaluation'
import { readTensors, unusable } from './local-input.ts'
import type { LocalInput } from './local-input.ts'

/** Probabilities of samples by their index in the manifest, each [labels]. */
export type PredictionTable = ReadonlyMap<number, Float32Array>

/**
 * What models predicted of samples, in the columns of some label groups. Where several say something of a sample, it is
 * their mean, summed up in the order of the files.
 *
 * @param manifest The dataset's, with all its label groups.
 * @param groups Those that are wanted, which every file has; null: all.
 * @throws {AppError} `input-unusable` when a file does not hold probabilities of this dataset's samples
 */
export async function readPredictions(
  files: readonly LocalInput<PredictionsInput>[],
  manifest: Pick<DatasetManifest, 'labelGroups' | 'samples'>,
  groups: readonly string[] | null,
): Promise<PredictionTable> {
  const sums = new Map<number, Float32Array>()
  const counts = new Map<number, number>()
  const wanted = labelColumns(manifest, groups)
  for (const file of files) {
    const { samples, rowOf } = await openFile(file, manifest, wanted)
    samples.forEach((sample, i) => {
      const sum = sums.get(sample) ?? new Float32Array(wanted.length)
      rowOf(i).forEach((value, column) => (sum[column]! += value))
      sums.set(sample, sum)
      counts.set(sample, (counts.get(sample) ?? 0) + 1)
    })
  }
  for (const [sample, sum] of sums) {
    const count = counts.get(sample)!
    if (count > 1) sum.forEach((value, column) => (sum[column] = value / count))
  }
  return sums
}

async function openFile(
  file: LocalInput<PredictionsInput>,
  manifest: Pick<DatasetManifest, 'labelGroups' | 'samples'>,
  wanted: readonly number[],
): Promise<{ samples: Int32Array; rowOf: (i: number) => Float32Array }> {
  const { input } = file
  const predictions = predictionsIn(await readTensors(file))
  if (predictions === null) throw unusable(input, 'lack int32 `sample` or float32 `probability`')
  const { sample: samples, probability } = predictions
  const theirs = labelColumns(manifest, input.labels)
  const columns = wanted.map((label) => theirs.indexOf(label))
  if (columns.includes(-1) || probability.length !== samples.length * theirs.length)
    throw unusable(input, `have ${probability.length} values for ${samples.length} samples of ${theirs.length} labels`)
  if (!samples.every((sample) => manifest.samples[sample] !== undefined) || !probability.every((p) => p >= 0 && p <= 1))
    throw unusable(input, "are not probabilities of this dataset's samples")
  return { samples, rowOf: (i) => Float32Array.from(columns, (column) => probability[i * theirs.length + column]!) }
}
