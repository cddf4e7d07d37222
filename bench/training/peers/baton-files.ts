import type { ExperimentSpec } from '@baton/contracts'
import { labelTable } from '@baton/evaluation'
import { planStageAugment } from '../../../packages/trainer/src/data/augment/plan-augment.ts'
import { planStage, trainBatches } from '../../../packages/trainer/src/data/batches.ts'
import { createImageSource } from '../../../packages/trainer/src/data/image-source.ts'
import type { TrainBatch } from '../../../packages/trainer/src/step/train-batch.ts'
import type { Job } from '../job.ts'
import type { Took } from '../peer.ts'

/** Epochs from files by the trainer's pipeline, whose memory of decoded pictures is left out: each decodes all. */
export function openFiles({ manifest, shard, loaders }: Job, spec: ExperimentSpec) {
  const source = createImageSource({
    manifest,
    image: spec.image,
    findShard: () => ({ path: shard, isWhole: true }),
    repeated: new Int32Array(),
    cacheBytes: 0,
    threads: loaders,
    poll: () => undefined,
  })
  const stage = spec.stages[0]!
  const samples = Int32Array.from(manifest.samples.keys())
  const plan = planStage(stage, samples.length)
  let epochs = 0
  return {
    async epoch(train: (batch: TrainBatch) => unknown): Promise<Took> {
      const first = epochs++ * plan.stepsPerEpoch
      const startMs = performance.now()
      const batches = trainBatches(
        {
          source,
          augment: planStageAugment(spec, stage),
          targets: { samples, labelsOf: (own) => Float32Array.from(labelTable(manifest, own)), teacherOf: null },
          key: { seed: 1, fold: 0, stage: 0 },
          plan: { ...plan, totalSteps: first + plan.stepsPerEpoch },
          change: null,
          mix: null,
          again: null,
          weightOf: null,
        },
        first,
      )
      let waitMs = 0
      let waitingSinceMs = startMs
      for await (const batch of batches) {
        waitMs += performance.now() - waitingSinceMs
        train({ ...batch, n: batch.samples.length })
        source.giveBack(batch.images)
        await new Promise(setImmediate)
        waitingSinceMs = performance.now()
      }
      const seconds = (performance.now() - startMs) / 1000
      return { images: plan.stepsPerEpoch * plan.batch, seconds, waitSeconds: waitMs / 1000 }
    },
    close: () => source.close(),
  }
}
