import { labelRanges } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import type { Assembly, TestEnsemble } from '@baton/evaluation'
import { encode } from '@baton/safetensors'
import { emit } from '../notification/emit.ts'
import type { BlobStore } from '../ports.ts'
import type { AssembledScores, Tables } from '../store.ts'

/** Stores an assembly's test predictions: what is left can be recorded. @param assembly With its report. */
export async function storeAssembly(
  blobs: BlobStore,
  manifest: DatasetManifest,
  { cv, cvMean, cvStd, foldScores, thresholds, knnWeight, distanceSlope, report, test }: Assembly,
): Promise<AssembledScores> {
  const { interval, metrics } = report!
  const testPredictions = test === null ? null : await blobs.write(encodePredictions(test))
  const bounds = { cvLow: interval.low, cvHigh: interval.high }
  const byGroup = thresholdsByGroup(manifest, thresholds)
  const found = { thresholds: byGroup, knnWeight, distanceSlope }
  return { cv, cvMean, cvStd, ...bounds, metrics, foldScores, ...found, testPredictions }
}

/** Records the scores and tells subscribers, in the caller's transaction: from then on the leaderboard has them. */
export async function completeExperiment(tables: Tables, experimentId: string, scores: AssembledScores): Promise<void> {
  const { cv, cvMean, cvStd } = scores
  const totals = await tables.experiments.complete(experimentId, scores)
  await emit(tables, experimentId, { kind: 'experiment-completed', cv, cvMean, cvStd, ...totals })
}

/** By label group; empty where the metric's threshold has none. */
function thresholdsByGroup(manifest: DatasetManifest, thresholds: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    labelRanges(manifest).flatMap(({ name }, i) => (thresholds[i] === undefined ? [] : [[name, thresholds[i]]])),
  )
}

/**
 * `rank` or `probability`, by what it holds, is what is cut; `threshold` cuts it, one a label group or none, times the
 * sample's `factor` where there is one.
 */
function encodePredictions({ sample, space, value, thresholds, factor }: TestEnsemble): Uint8Array {
  const labels = sample.length === 0 ? 0 : value.length / sample.length
  return encode(
    new Map([
      ['sample', { shape: [sample.length], data: sample }],
      [space, { shape: [sample.length, labels], data: value }],
      ['threshold', { shape: [thresholds.length], data: Float32Array.from(thresholds) }],
      ...(factor === null ? [] : [['factor', { shape: [factor.length], data: factor }] as const]),
    ]),
  )
}
