import { durationOf } from '@baton/contracts'
import type { Duration, ExperimentSpec, StageSpec } from '@baton/contracts'
import { planStage } from '../data/batches.ts'
import { evaluationsOf } from '../fold/loop-state.ts'
import { learningRate } from '../schedules/learning-rate.ts'

/** What the training of one fold comes to, told from its spec alone. */
export interface TrainingPlan {
  /** Samples that a fold trains on and is validated on. Folds differ by a few: this is the mean, rounded. */
  readonly samples: { readonly train: number; readonly validation: number }
  readonly stages: readonly PlannedStage[]
  readonly totalSteps: number
}

export interface PlannedStage {
  readonly name: string
  /** What trains: `head`, `last-two`, `all` or names of layer groups. */
  readonly train: StageSpec['train']
  /** As the spec says it. */
  readonly duration: Duration
  /** Samples in every batch: fewer than the spec says where the fold has fewer. */
  readonly batch: number
  readonly stepsPerEpoch: number
  /** Optimizer steps of the stage, unless early stopping ends it before. */
  readonly steps: number
  /** Step of the whole training that it begins at, 0-based. */
  readonly firstStep: number
  readonly evaluations: number
  /** Learning rate of a step of this stage, 0-based. */
  readonly lr: (stageStep: number) => number
}

/**
 * Plans one fold as the training itself does: the same functions give steps and learning rates.
 *
 * @param samples Training samples of the dataset, all folds together; at least as many as folds.
 */
export function planTraining(spec: ExperimentSpec, samples: number): TrainingPlan {
  const validation = Math.round(samples / spec.folds.count)
  const train = samples - validation
  let firstStep = 0
  const stages = spec.stages.map((stage): PlannedStage => {
    const plan = planStage(stage, train)
    const { batch, stepsPerEpoch, totalSteps } = plan
    const planned = {
      name: stage.name,
      train: stage.train,
      duration: durationOf(stage),
      batch,
      stepsPerEpoch,
      steps: totalSteps,
      firstStep,
      evaluations: evaluationsOf(plan, spec.evaluate),
      lr: (stageStep: number) => learningRate(stage.schedule, { ...plan, stageStep }),
    }
    firstStep += totalSteps
    return planned
  })
  return { samples: { train, validation }, stages, totalSteps: firstStep }
}
