import type { Position } from '@baton/contracts'
import type { StepTime } from './data-wait.ts'
import type { FoldPorts, FoldProgress } from './fold-run.ts'

/** At most so often: people watch progress, and every message goes through a process and a network. */
const progressEveryMs = 1000
/** About so many points in each curve of a whole training. */
const pointsPerTraining = 500

/** Where a training stands, for people. */
export interface TrainingStanding {
  readonly position: Position
  /** As far as is known. */
  readonly totalSteps: number
  /** Training time left beyond those steps. */
  readonly undecidedMs: number
  readonly stageName: string
}

/** What a step did. */
export interface StepReport extends TrainingStanding {
  readonly images: number
  readonly loss: number
  /** Not finite where the step was skipped for it. */
  readonly gradNorm: number
  /** Null where there is none. */
  readonly lossScale: number | null
  readonly lr: number
}

export interface ProgressReporter {
  /** After a step was done. */
  step(report: StepReport, time: StepTime): void
  /** While something else is done: says where the training stands, so that it does not look stuck. */
  tick(standing: TrainingStanding): void
}

/** Since the last point of the curves. */
const noSteps = { steps: 0, updates: 0, loss: 0, gradNorm: 0, ms: 0, waitMs: 0 }

/**
 * Turns steps into progress, at a pace for people, and into curves, at steps that no clock decides: `train/loss` and
 * `train/grad-norm`, means over the steps since the point before, the latter without those that were skipped, `train/lr`,
 * in fp16 `train/loss-scale`, and `train/data-wait`, the share of these steps' time, 0 to 1, that they waited for their
 * batches. Every point but the last of a training is of as many steps, so
 * the mean of its points is the share of the whole.
 */
export function reportProgress({ clock, progress, metrics }: FoldPorts): ProgressReporter {
  const startMs = clock.now()
  let lastMs = -Infinity
  let steps = 0
  let imagesSince = 0
  let latest: Pick<FoldProgress, 'loss' | 'lr' | 'imagesPerSecond'> = { loss: null, lr: null, imagesPerSecond: null }
  let point = noSteps

  function tick({ position, totalSteps, undecidedMs, stageName }: TrainingStanding): void {
    const now = clock.now()
    if (now - lastMs < progressEveryMs) return
    const seconds = (now - Math.max(lastMs, startMs)) / 1000
    if (imagesSince > 0 && seconds > 0) latest = { ...latest, imagesPerSecond: imagesSince / seconds }
    lastMs = now
    imagesSince = 0
    const secondsPerStep = (now - startMs) / 1000 / steps
    const etaSeconds = steps === 0 ? null : (totalSteps - position.step) * secondsPerStep + undecidedMs / 1000
    progress({ position, totalSteps, stageName, ...latest, etaSeconds })
  }

  return {
    tick,
    step(report, { ms, waitMs }) {
      const { position, totalSteps, images, loss, gradNorm, lossScale, lr } = report
      steps++
      imagesSince += images
      latest = { ...latest, loss, lr }
      const isUpdate = Number.isFinite(gradNorm)
      point = {
        steps: point.steps + 1,
        updates: point.updates + (isUpdate ? 1 : 0),
        loss: point.loss + loss,
        gradNorm: point.gradNorm + (isUpdate ? gradNorm : 0),
        ms: point.ms + ms,
        waitMs: point.waitMs + waitMs,
      }
      if (position.step % Math.ceil(totalSteps / pointsPerTraining) === 0) {
        metrics([
          { step: position.step, name: 'train/loss', value: point.loss / point.steps },
          ...(point.updates === 0
            ? []
            : [{ step: position.step, name: 'train/grad-norm', value: point.gradNorm / point.updates }]),
          { step: position.step, name: 'train/lr', value: lr },
          // A clock may stand still.
          { step: position.step, name: 'train/data-wait', value: point.ms > 0 ? point.waitMs / point.ms : 0 },
          ...(lossScale === null ? [] : [{ step: position.step, name: 'train/loss-scale', value: lossScale }]),
        ])
        point = noSteps
      }
      tick(report)
    },
  }
}
