import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { labelsOf } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import type { EmojiDataset } from '@baton/dataset'
import { assemble, pairedDifference, samplesOf, splitFolds } from '@baton/evaluation'
import type { PairedDifference } from '@baton/evaluation'
import type { Run } from './figure.ts'
import { installPython } from './python.ts'
import { repositoryFile } from './repository.ts'

const packages = ['scikit-learn==1.7.2', 'pillow==12.0.0']
const run = promisify(execFile)
const script = repositoryFile('bench/pixel-baseline.py')

export interface Baseline {
  readonly name: string
  readonly cv: number
  readonly cvLow: number
  readonly cvHigh: number
  /** The experiment's folds minus the baseline's. */
  readonly difference: PairedDifference
}

/**
 * What label frequencies, and logistic regression on pixels, come to on the folds of an experiment, scored as it is.
 *
 * @param than The experiment that they are compared with.
 */
export async function pixelBaselines({
  folder,
  dataset: { manifest, shards },
  than: { spec, folds: trained },
  say,
}: {
  folder: string
  dataset: EmojiDataset
  than: Experiment
  say: Run['say']
}): Promise<Baseline[]> {
  const foldOf = splitFolds(manifest, spec.folds, spec.seed)
  const rows = manifest.samples.flatMap((sample, index) => (sample.split === 'train' ? [{ ...sample, index }] : []))
  const samples = rows.map(({ shard, offset, length, labels, index }) => ({
    shard,
    offset,
    length,
    labels,
    fold: foldOf[index]!,
  }))
  const labels = labelsOf(manifest).length
  const input = path.join(folder, 'baseline.json')
  await writeFile(input, JSON.stringify({ shards, labels, samples }))
  const bin = await installPython({ name: packages.join('_').replaceAll('==', '-'), packages }, say)
  const { stdout } = await run(path.join(bin, 'python'), [script, input], { maxBuffer: 2 ** 28 })
  const predicted = JSON.parse(stdout) as { frequency: number[][]; logistic: number[][] }
  // What is scored is OOF alone.
  const test = {
    sample: samplesOf(manifest, 'test'),
    probability: new Float32Array(samplesOf(manifest, 'test').length * labels),
  }
  const scores = trained.map(({ score }) => score!)
  const baseline = (name: string, probabilities: readonly (readonly number[])[]): Baseline => {
    const folds = trained.map(({ index: fold }) => {
      const own = samples.flatMap((sample, row) => (sample.fold === fold ? [row] : []))
      const probability = Float32Array.from(own.flatMap((row) => probabilities[row]!))
      return { fold, oof: { sample: Int32Array.from(own, (row) => rows[row]!.index), probability }, test }
    })
    const { cv, foldScores, report } = assemble({ manifest, spec, folds, withReport: true })
    const own = foldScores.map(({ score }) => score)
    const difference = pairedDifference(own, scores, { rho: 1 / (spec.folds.count - 1) })
    return { name, cv, cvLow: report!.interval.low, cvHigh: report!.interval.high, difference }
  }
  return [
    baseline('mean label frequency', predicted.frequency),
    baseline('logistic regression on pixels', predicted.logistic),
  ]
}
