import { labelsOf } from '@baton/contracts'
import type { DatasetManifest, Split } from '@baton/contracts'

/** Predictions of some samples, as a fold stores them. */
export interface Predictions {
  /** Index of each row's sample in the manifest's `samples`. [n] */
  readonly sample: Int32Array
  /** Row-major, 0 to 1. [n, labels] */
  readonly probability: Float32Array
  /** Of a spec with `knn`. */
  readonly near?: Near
}

/** What the training samples nearest to some samples say of them. */
export interface Near {
  /** Part of the neighbours' votes that each label has. [n, labels] */
  readonly vote: Float32Array
  /** Cosine distance to the nearest. [n] */
  readonly distance: Float32Array
}

/** The predictions in a fold's stored tensors; null where they lack int32 `sample` or float32 `probability`. */
export function predictionsIn(tensors: ReadonlyMap<string, { readonly data: unknown }>): Predictions | null {
  const sample = tensors.get('sample')?.data
  const probability = tensors.get('probability')?.data
  const vote = tensors.get('vote')?.data
  const distance = tensors.get('distance')?.data
  const hasNear = vote instanceof Float32Array && distance instanceof Float32Array
  return sample instanceof Int32Array && probability instanceof Float32Array
    ? { sample, probability, ...(hasNear && { near: { vote, distance } }) }
    : null
}

/** Indexes of a split's samples in the manifest, ascending. */
export function samplesOf(manifest: Pick<DatasetManifest, 'samples'>, split: Split): Int32Array {
  return Int32Array.from(manifest.samples.keys()).filter((i) => manifest.samples[i]!.split === split)
}

/** The labels of these samples as a table of 0 and 1. @returns Row-major [n, labels]. */
export function labelTable(manifest: Pick<DatasetManifest, 'samples' | 'labelGroups'>, sample: Int32Array): Uint8Array {
  const labels = labelsOf(manifest).length
  const table = new Uint8Array(sample.length * labels)
  sample.forEach((index, row) => {
    for (const label of manifest.samples[index]!.labels) table[row * labels + label] = 1
  })
  return table
}
