import { durationOf } from '@baton/contracts'
import type { Duration, ExperimentSpec, StageSpec } from '@baton/contracts'
import { planStage } from '../data/batches.ts'
import { evaluationInterval, evaluationsBefore } from '../fold/cadence.ts'
import { firstState } from '../fold/loop-state.ts'
import { pseudoCount } from '../inputs/targets.ts'
import { stepRates, timeOf } from '../schedules/step-rates.ts'

/** What the training of one fold comes to, told from its spec alone. */
export interface TrainingPlan {
  readonly samples: PlannedSamples
  readonly stages: readonly PlannedStage[]
  /** Null where a stage lasts so many hours. */
  readonly totalSteps: number | null
}

/** Folds differ by a few: these are the mean, rounded. */
export interface PlannedSamples {
  /** That a fold trains on, those with pseudo labels among them as far as they are known. */
  readonly train: number
  readonly validation: number
  /** Null: not known. */
  readonly test: number | null
  /** Test samples that are trained on by pseudo labels; null: not known, as the test samples are not. */
  readonly pseudo: number | null
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
 * @param samples Of the dataset, all folds together: for training at least as many as folds; test samples where they are
 *   known, else null.
 */
export function planTraining(
  spec: ExperimentSpec,
  samples: { readonly train: number; readonly test: number | null },
): TrainingPlan {
  const { clean, pseudo: asked } = spec.targets
  const validation = Math.round(samples.train / spec.folds.count)
  const own = samples.train - validation
  const pseudo = asked === null ? 0 : samples.test && pseudoCount(samples.test, asked.share)
  const train = own - Math.floor(own * (clean?.share ?? 0)) + (pseudo ?? 0)
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
  return { samples: { train, validation, test: samples.test, pseudo }, stages, totalSteps: firstStep }
}
