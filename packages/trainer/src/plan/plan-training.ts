import { durationOf } from '@baton/contracts'
import type { Duration, ExperimentSpec, StageSpec } from '@baton/contracts'
import { planStage } from '../data/batches.ts'
import { evaluationInterval, evaluationsBefore } from '../fold/cadence.ts'
import { firstState } from '../fold/loop-state.ts'
import { stepRates, timeOf } from '../schedules/step-rates.ts'

/** What the training of one fold comes to, told from its spec alone. */
export interface TrainingPlan {
  /**
   * Samples that a fold trains on and is validated on. Folds differ by a few: this is the mean, rounded. Pseudo labels add
   * to them; how many, the test samples decide.
   */
  readonly samples: { readonly train: number; readonly validation: number }
  readonly stages: readonly PlannedStage[]
  /** Null where a stage lasts so many hours. */
  readonly totalSteps: number | null
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
  /** Optimizer steps of the stage, unless early stopping ends it before; null where it lasts so many hours. */
  readonly steps: number | null
  /** Step of the whole training that it begins at, 0-based; null behind a stage of so many hours. */
  readonly firstStep: number | null
  /** Null where it lasts so many hours. */
  readonly evaluations: number | null
  /** Learning rate of a step of this stage, 0-based, as far as it is known before: `budget` and `plateau` have their first. */
  readonly lr: (stageStep: number) => number
}

/**
 * Plans one fold as the training itself does: the same functions give steps and learning rates.
 *
 * @param samples Training samples of the dataset, all folds together; at least as many as folds.
 */
export function planTraining(spec: ExperimentSpec, samples: number): TrainingPlan {
  const validation = Math.round(samples / spec.folds.count)
  const own = samples - validation
  const train = own - Math.floor(own * (spec.targets.clean?.share ?? 0))
  let firstStep: number | null = 0
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
      evaluations:
        totalSteps === null ? null : evaluationsBefore(totalSteps, evaluationInterval(plan, spec.evaluate)) + 1,
      lr: (stageStep: number) => stepRates(stage.schedule, { ...plan, stageStep, ...timeOf(firstState(stage)) }).lr,
    }
    firstStep = firstStep === null || totalSteps === null ? null : firstStep + totalSteps
    return planned
  })
  return { samples: { train, validation }, stages, totalSteps: firstStep }
}
