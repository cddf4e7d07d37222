import type { DatasetManifest, DistillSpec, ExperimentSpec, PredictionsInput } from '@baton/contracts'
import { labelsOf, ofLabelGroups } from '@baton/contracts'
import { labelTable, samplesOf } from '@baton/evaluation'
import { unusable } from './local-input.ts'
import type { LocalInput } from './local-input.ts'
import { readPredictions } from './prediction-table.ts'
import type { PredictionTable } from './prediction-table.ts'

/** What a fold trains on, and what it is to learn of it. */
export interface Targets {
  /** Indexes in the manifest, ascending. */
  readonly samples: Int32Array
  /** Rows of samples, 0 to 1. [n, labels] */
  readonly labelsOf: (samples: Int32Array) => Float32Array
  /** What the teacher's part of the loss wants, σ(logit p / T), [n, labels]; null: there is no such part. */
  readonly teacherOf: ((samples: Int32Array) => Float32Array) | null
}

export interface OpenTargets {
  readonly spec: Pick<ExperimentSpec, 'targets' | 'labels'>
  /** The dataset's, with all its label groups. */
  readonly manifest: DatasetManifest
  readonly inputs: readonly LocalInput[]
  /** The fold's training samples, ascending. */
  readonly train: Int32Array
}

/**
 * The targets of a fold, as a pure function of its samples and inputs: the samples whose labels other models doubt are
 * left out, test samples with pseudo labels are added, and the teacher has its say.
 *
 * @throws {AppError} `input-unusable` when an input does not cover the samples that it is for
 */
export async function openTargets({ spec, manifest, inputs, train }: OpenTargets): Promise<Targets> {
  const { distill, pseudo, clean } = spec.targets
  const own = ofLabelGroups(manifest, spec.labels)
  const read = async (use: PredictionsInput['use'], samples: Int32Array): Promise<PredictionTable> => {
    const files = inputs.flatMap(({ input, path }) => ('labels' in input && input.use === use ? [{ input, path }] : []))
    const table = await readPredictions(files, manifest, spec.labels)
    const missing = samples.find((sample) => !table.has(sample))
    if (missing !== undefined) throw unusable(files[0]!.input, `say nothing of sample ${manifest.samples[missing]!.id}`)
    return table
  }
  const test = samplesOf(manifest, 'test')
  const kept = clean === null ? train : withoutWorst(own, train, await read('targets.clean', train), clean.share)
  const guessed = pseudo === null ? new Map<number, Float32Array>() : await read('targets.pseudo', test)
  const added = pseudo === null ? [] : mostCertain(test, guessed, pseudo.share)
  const taught = distill === null ? new Map<number, Float32Array>() : await read('targets.distill', kept)
  const width = labelsOf(own).length
  const cut = pseudo?.threshold ?? null
  // Of a test sample there is no label, and no OOF prediction: its pseudo label is what its teacher says.
  const teacherRow = (sample: number): Float32Array => taught.get(sample) ?? guessed.get(sample)!
  return {
    samples: Int32Array.from([...kept, ...added]).sort(),
    labelsOf(samples) {
      const rows = Float32Array.from(labelTable(own, samples))
      samples.forEach((sample, i) => {
        const row = rows.subarray(i * width, (i + 1) * width)
        const guess = guessed.get(sample)
        if (guess) row.set(cut === null ? guess : guess.map((p) => (p > cut ? 1 : 0)))
        else if (distill?.form === 'max')
          teacherRow(sample).forEach((p, label) => (row[label] = Math.max(row[label]!, distill.kappa * p)))
      })
      return rows
    },
    teacherOf: distill?.form === 'mix' ? (samples) => softened(samples, width, teacherRow, distill) : null,
  }
}

/**
 * The samples but for those whose labels are the least likely by the table: the given part of them, rounded down, with the
 * highest binary cross-entropy; of equal ones the later.
 */
function withoutWorst(
  manifest: DatasetManifest,
  samples: Int32Array,
  table: PredictionTable,
  share: number,
): Int32Array {
  const loss = new Map(Array.from(samples, (sample) => [sample, crossEntropy(manifest, sample, table.get(sample)!)]))
  const kept = samples.length - Math.floor(share * samples.length)
  return samples
    .toSorted((a, b) => loss.get(a)! - loss.get(b)! || a - b)
    .slice(0, kept)
    .sort()
}

/** As far as float32 goes: a probability of 0 is not proof. */
const LEAST = 1e-7

/** −Σ (y log p + (1 − y) log(1 − p)) / labels, p kept from 0 and 1 by 1e-7. */
function crossEntropy(manifest: DatasetManifest, sample: number, probability: Float32Array): number {
  const labels = new Set(manifest.samples[sample]!.labels)
  const losses = Array.from(probability, (p, label) => -Math.log(Math.max(LEAST, labels.has(label) ? p : 1 - p)))
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

/** The given part of the samples, at least one, with the highest mean |p − ½|; of equal ones the earlier. */
function mostCertain(samples: Int32Array, table: PredictionTable, share: number): number[] {
  const certainty = (sample: number): number =>
    table.get(sample)!.reduce((sum, p) => sum + Math.abs(p - 0.5), 0) / table.get(sample)!.length
  const ranked = Array.from(samples, (sample) => ({ sample, by: certainty(sample) }))
  return ranked
    .sort((a, b) => b.by - a.by || a.sample - b.sample)
    .slice(0, pseudoCount(samples.length, share))
    .map(({ sample }) => sample)
}

/** How many of so many test samples the given part is. */
export function pseudoCount(samples: number, share: number): number {
  return Math.min(samples, Math.max(1, Math.floor(share * samples)))
}

/** σ(logit p / T) = p^(1/T) / (p^(1/T) + (1 − p)^(1/T)), which p of 0 and 1 do not break. */
function softened(
  samples: Int32Array,
  width: number,
  rowOf: (sample: number) => Float32Array,
  { temperature }: Extract<DistillSpec, { form: 'mix' }>,
): Float32Array {
  const rows = new Float32Array(samples.length * width)
  samples.forEach((sample, i) => {
    rowOf(sample).forEach((p, label) => {
      const [yes, no] = [p ** (1 / temperature), (1 - p) ** (1 / temperature)]
      rows[i * width + label] = yes / (yes + no)
    })
  })
  return rows
}
