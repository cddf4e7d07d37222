import { rm } from 'node:fs/promises'
import path from 'node:path'
import { AppError, labelRanges } from '@baton/contracts'
import { labelTable, scoreTable } from '@baton/evaluation'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import { trainBatches } from '../data/batches.ts'
import type { Batch } from '../data/batches.ts'
import { learningRate } from '../schedules/learning-rate.ts'
import type { StepResult } from '../step/stage-program.ts'
import { breathe } from './interrupts.ts'
import { datasetOf } from './load-bundle.ts'
import { afterStage, afterStep, isEvaluationDue, judge } from './loop-state.ts'
import type { Verdict } from './loop-state.ts'
import { predictSamples } from './predict-samples.ts'
import { programOf, stageOf, standingOf, weightsOf } from './training.ts'
import type { Training } from './training.ts'

/** What an evaluation found, not yet part of where the training stands. */
interface Evaluation extends Verdict {
  readonly best: LocalFile | null
}

/**
 * Trains the stage that the training stands in, to its end, and goes on to the next stage's first step.
 *
 * An evaluation belongs to what follows it: its verdict becomes part of the training together with the next step, or
 * with the next stage. So a checkpoint at a step where one is due is always from before it, and who resumes there
 * evaluates again: the same weights, the same verdict.
 *
 * @throws {Interrupted} on hand-over and cancel
 * @throws {AppError} `loss-not-finite`, `sample-broken`, `user-code-failed`, `out-of-memory`
 */
export async function trainStage(training: Training): Promise<void> {
  const { interrupts, checkpoints, position } = training
  const batches = batchesOf(training)
  try {
    for (let evaluation: Evaluation | null = null; ; evaluation = null) {
      interrupts.poll()
      if (isDue(training)) evaluation = await evaluate(training)
      if (evaluation?.isStageOver) return await enterNextStage(training, evaluation)
      const { value: batch } = await batches.next()
      if (!batch) throw new Error(`stage ${position.stage} has no batch for step ${training.position.stageStep}`)
      const previousBest = training.best
      doStep(training, batch, evaluation)
      await dropReplaced(training, previousBest)
      checkpoints.saveIfDue(interrupts.takeWish)
      await breathe()
    }
  } finally {
    await batches.return()
  }
}

function batchesOf({ run, source, samples, plans, position, bundle, labels }: Training) {
  const { spec, manifest, fold } = run
  const { stage, stageStep } = position
  const input = {
    manifest,
    source,
    image: spec.image,
    augment: spec.augment,
    samples: samples.train,
    key: { seed: spec.seed, fold, stage },
    plan: plans[stage]!,
    change: datasetOf(bundle, labels, spec.image.size),
  }
  return trainBatches(input, stageStep)
}

function isDue({ run, position, plans }: Training): boolean {
  return isEvaluationDue(position, plans[position.stage]!, run.spec.evaluate)
}

/** One optimizer step; where the training stands moves on by it, and by the evaluation before it. */
function doStep(training: Training, batch: Batch, evaluation: Evaluation | null): void {
  const { position, plans, program, reporter } = training
  const plan = plans[position.stage]!
  const lr = learningRate(stageOf(training).schedule, { ...plan, stageStep: position.stageStep })
  const result = program.train({ ...batch, n: batch.samples.length }, { lr }, position.step)
  checkFinite(training, batch, result)
  training.position = afterStep(position, plan)
  if (evaluation) Object.assign(training, { state: evaluation.state, best: evaluation.best })
  reporter.step({ ...standingOf(training), ...result, lr, images: batch.samples.length })
}

/** @throws {AppError} `loss-not-finite`: an update by such a gradient breaks every weight */
function checkFinite(training: Training, { samples }: Batch, { loss, gradNorm }: StepResult): void {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return
  const { run, position } = training
  const ids = Array.from(samples, (sample) => run.manifest.samples[sample]!.id)
  const what = Number.isFinite(loss) ? `the gradient's norm is ${gradNorm}` : `the loss is ${loss}`
  const named = `${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ` and ${ids.length - 20} more` : ''}`
  const detail = `${what} at step ${position.step}, stage ${stageOf(training).name}; samples ${named}`
  throw new AppError('loss-not-finite', { step: position.step, loss, gradNorm, samples: ids }, { detail })
}

/** Scores the validation samples, and keeps the weights on disk if they are the best so far. */
async function evaluate(training: Training): Promise<Evaluation> {
  const { run, ports, position, plans, samples, state } = training
  const { spec, manifest } = run
  const probability = await predict(training, samples.validation)
  const scored = { probability, actual: labelTable(manifest, samples.validation) }
  const score = scoreTable(scored, labelRanges(manifest), spec.metric)
  const verdict = judge(state, score, position, plans[position.stage]!, spec.earlyStop)
  const best = verdict.isBest ? await keepWeights(training) : training.best
  ports.metrics([{ step: position.step, name: 'validation/score', value: score }])
  const { best: kept } = verdict.state
  const beside = verdict.isBest ? 'the best so far' : `best ${kept!.score.toFixed(4)} at step ${kept!.step}`
  ports.log('info', `stage ${stageOf(training).name}, epoch ${position.epoch}: score ${score.toFixed(4)}, ${beside}`)
  if (verdict.state.stoppedEarly) ports.log('info', `stage ${stageOf(training).name} stops early`)
  return { ...verdict, best }
}

/** Probabilities by the program's weights as they are. [n, labels] */
export function predict(training: Training, samples: Int32Array): Promise<Float32Array> {
  const { run, program, source, labels, interrupts, reporter } = training
  const { manifest, spec } = run
  const onBatch = () => {
    interrupts.poll()
    reporter.tick(standingOf(training))
  }
  const { evaluate, image } = spec
  return predictSamples({ program, manifest, source, size: image.size, evaluate, samples, labels, onBatch })
}

async function keepWeights({ run, writer, program, position }: Training): Promise<LocalFile> {
  const file = path.join(run.workDir, `best-step-${position.step}.safetensors`)
  return writer.writeTensors(file, weightsOf(program.state()))
}

/** Removes the weights that a better evaluation has replaced, once no checkpoint under way links to them. */
async function dropReplaced({ best, checkpoints }: Training, previous: LocalFile | null): Promise<void> {
  if (previous === null || previous.path === best?.path) return
  await checkpoints.settled()
  await rm(previous.path)
}

/** Goes on to the next stage with the weights as they are, and saves that; after the last stage training is over. */
async function enterNextStage(training: Training, evaluation: Evaluation): Promise<void> {
  const { run, position, program, best: previousBest, checkpoints } = training
  const next = afterStage(position, evaluation.state, run.spec.stages.length)
  if (!next.state.trained) {
    training.program = programOf(training, next.position.stage)
    training.program.restore(program.state())
    program.dispose()
  }
  Object.assign(training, { ...next, best: evaluation.best })
  await dropReplaced(training, previousBest)
  await checkpoints.save()
}
