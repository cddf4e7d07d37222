import { rm } from 'node:fs/promises'
import path from 'node:path'
import { AppError, labelRanges } from '@baton/contracts'
import { labelTable, scoreTable } from '@baton/evaluation'
import { copySnapshot } from '../checkpoint/copy-snapshot.ts'
import type { BestWeights } from '../checkpoint/save-checkpoint.ts'
import { takenBy } from '../data/augment/augment-plan.ts'
import { planStageAugment } from '../data/augment/plan-augment.ts'
import { trainBatches } from '../data/batches.ts'
import type { Batch } from '../data/batches.ts'
import type { Mining } from '../data/mining.ts'
import { sampleWeights } from '../data/sampling.ts'
import { landingProgress } from '../schedules/landing.ts'
import { stepRates, timeOf } from '../schedules/step-rates.ts'
import { warmupStepsOf } from '../schedules/warm-up.ts'
import { isSkipped } from '../step/stage-program.ts'
import type { Embedded, Predictor, StepResult } from '../step/stage-program.ts'
import { averagedWeight, isWeight } from '../step/state-names.ts'
import { breathe } from './interrupts.ts'
import { datasetOf } from './load-bundle.ts'
import { watchDataWait } from './data-wait.ts'
import { endOf, evaluationInterval, isEvaluationDue } from './cadence.ts'
import { afterStage, afterStep, judge, limitMsOf } from './loop-state.ts'
import type { Verdict } from './loop-state.ts'
import { embedSamples, predictSamples } from './predict-samples.ts'
import type { PredictSamples } from './predict-samples.ts'
import type { StepReport } from './report-progress.ts'
import { decideLanding, spend, watchLaps } from './stage-hours.ts'
import type { Lap } from './stage-hours.ts'
import { environmentFor, frozenOf, miningOf, programOf, stageOf, standingOf, tellEnvironment } from './training.ts'
import type { Training } from './training.ts'

/** What an evaluation found, not yet part of where the training stands. */
interface Evaluation extends Verdict {
  readonly best: BestWeights | null
  /** How long it took. */
  readonly ms: number
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
  const { clock } = training.ports
  const lap = watchLaps(clock)
  const dataWait = watchDataWait()
  try {
    for (let evaluation: Evaluation | null = null; ; evaluation = null) {
      interrupts.poll()
      if (isDue(training)) evaluation = await evaluate(training)
      if (evaluation?.isStageOver) return await enterNextStage(training, evaluation)
      const askedMs = clock.now()
      const { value: batch } = await batches.next()
      const waitMs = clock.now() - askedMs
      if (!batch) throw new Error(`stage ${position.stage} has no batch for step ${training.position.stageStep}`)
      const previousBest = training.best
      const report = doStep(training, batch, evaluation)
      training.source.giveBack(batch.images)
      const time = lap(evaluation?.ms ?? null)
      if (training.state.hours) countTime(training, time)
      const stepTime = { ms: time.ms - (time.evaluationMs ?? 0), waitMs }
      training.reporter.step(report, stepTime)
      tellWait(training, dataWait(stepTime))
      await dropReplaced(training, previousBest)
      checkpoints.saveIfDue(interrupts.takeWish)
      await breathe()
    }
  } finally {
    await batches.return()
  }
}

function batchesOf(training: Training) {
  const { run, source, targets, plans, position, bundle, labels, views } = training
  const { spec, fold } = run
  const { stage, stageStep } = position
  const { mining } = training
  const stageSpec = stageOf(training)
  const augment = planStageAugment(spec, stageSpec)
  source.keepOnly([takenBy(augment), views.kind])
  const input = {
    source,
    augment,
    targets,
    key: { seed: spec.seed, fold, stage },
    plan: plans[stage]!,
    change: datasetOf(bundle, labels, augment.model.size),
    mix: stageSpec.mix,
    again: mining && (() => mining.again()),
    weightOf: stageSpec.sample && sampleWeights(stageSpec.sample, targets),
  } as const
  return trainBatches(input, stageStep)
}

function isDue({ run, position, plans, state }: Training): boolean {
  const plan = plans[position.stage]!
  return isEvaluationDue(position, plan, run.spec.evaluate, endOf(plan, state))
}

/** One optimizer step; where the training stands moves on by it, and by the evaluation before it. */
function doStep(training: Training, batch: Batch, evaluation: Evaluation | null): StepReport {
  const { position, plans, program } = training
  const plan = plans[position.stage]!
  const { schedule } = stageOf(training)
  if (evaluation?.dropsRate && schedule.name === 'plateau' && schedule.resetOptimizer) program.resetOptimizer()
  const { stageStep } = position
  const rates = stepRates(schedule, { ...plan, stageStep, ...timeOf(evaluation?.state ?? training.state) })
  const result = program.train({ ...batch, n: batch.samples.length }, rates, position.step)
  checkFinite(training, batch, result)
  training.position = afterStep(position, plan)
  if (training.mining) mine(training.mining, batch, result, training.position.stageStep % plan.stepsPerEpoch === 0)
  if (evaluation) Object.assign(training, { state: evaluation.state, best: evaluation.best })
  return { ...standingOf(training), ...result, lr: rates.lr, images: batch.samples.length }
}

/** In a stage of so many hours: the step's time, and where the stage is to end by it. Told where that changes. */
function countTime(training: Training, lap: Lap): void {
  const { run, ports, plans, position, state } = training
  const stage = stageOf(training)
  const plan = plans[position.stage]!
  const hours = spend(state.hours!, lap, position.stageStep)
  const landing = decideLanding(hours, position.stageStep, {
    limitMs: limitMsOf(stage),
    evaluationInterval: evaluationInterval(plan, run.spec.evaluate),
    progressAt: (stageStep) =>
      landingProgress(stageStep, timeOf(state).landing, warmupStepsOf(stage.schedule, plan.stepsPerEpoch)),
  })
  training.state = { ...state, hours: landing ? { ...hours, landings: [...hours.landings, landing] } : hours }
  if (!landing) return
  const end = position.step - position.stageStep + landing.end
  const held = state.hours!.landings.at(-1)
  const before = held ? `${landing.end > held.end ? 'later' : 'earlier'} than decided before, ` : ''
  ports.metrics([{ step: position.step, name: 'train/planned-end', value: end }])
  ports.log('info', `stage ${stage.name} ends at step ${end}, ${before}by ${Math.round(hours.stepMs!)} ms a step`)
}

function tellWait(training: Training, share: number | null): void {
  if (share === null) return
  const stage = stageOf(training).name
  const told = `stage ${stage} waits ${Math.round(100 * share)} % of its time for pictures to be decoded and augmented`
  const remedy =
    'fewer or cheaper operations, pictures stored at the size they are used in, or more cores make it faster'
  training.ports.log('warn', `${told}: ${remedy}`)
}

/** @throws {AppError} `user-code-failed` when a bundle's loss says nothing of single samples */
function mine(mining: Mining, { samples }: Batch, { losses }: StepResult, isEpochOver: boolean): void {
  if (losses === null) {
    const detail = 'mining needs the loss of each sample: return them, [batch], from the loss of the code bundle'
    throw new AppError('user-code-failed', {}, { detail })
  }
  mining.record(samples, losses)
  if (isEpochOver) mining.endEpoch()
}

/**
 * A loss that is not finite is no fault of its scale, which is laid on it afterwards.
 *
 * @throws {AppError} `loss-not-finite`: an update by such a gradient breaks every weight
 */
function checkFinite(training: Training, { samples }: Batch, result: StepResult): void {
  const { run, ports, environment, position } = training
  const { loss, gradNorm, lossScale } = result
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return
  if (Number.isFinite(loss) && isSkipped(result))
    return ports.log(
      'info',
      `step ${position.step} is skipped: gradients overflowed fp16 at a loss scale of ${lossScale}`,
    )
  const ids = Array.from(samples, (sample) => run.manifest.samples[sample]!.id)
  const what = Number.isFinite(loss) ? `the gradient's norm is ${gradNorm}` : `the loss is ${loss}`
  const named = `${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ` and ${ids.length - 20} more` : ''}`
  const range = environment.precision === 'fp16' ? '; numbers of fp16 end at 65504, those of bf16 and fp32 do not' : ''
  const detail = `${what} at step ${position.step}, stage ${stageOf(training).name}; samples ${named}${range}`
  throw new AppError('loss-not-finite', { step: position.step, loss, gradNorm, samples: ids }, { detail })
}

/**
 * Scores the validation samples by the weights and by their averages, where there are any, and keeps the better of both
 * on disk if it is the best so far.
 */
async function evaluate(training: Training): Promise<Evaluation> {
  const { run, ports, position, plans, state } = training
  const { spec } = run
  const startMs = ports.clock.now()
  const scores = { weights: await score(training, 'weights'), average: spec.ema && (await score(training, 'average')) }
  const by = scores.average !== null && scores.average > scores.weights ? 'average' : 'weights'
  const measure = { plan: plans[position.stage]!, stage: stageOf(training), earlyStop: spec.earlyStop }
  const verdict = judge(state, scores[by]!, position, measure)
  const best = verdict.isBest ? await keepWeights(training, by) : training.best
  ports.metrics([
    { step: position.step, name: 'validation/score', value: scores.weights },
    ...(scores.average === null ? [] : [{ step: position.step, name: 'validation/score-ema', value: scores.average }]),
  ])
  const { best: kept } = verdict.state
  const beside = verdict.isBest ? 'the best so far' : `best ${kept!.score.toFixed(4)} at step ${kept!.step}`
  const averaged = scores.average === null ? '' : `, of the averages ${scores.average.toFixed(4)}`
  const told = `score ${scores.weights.toFixed(4)}${averaged}, ${beside}`
  ports.log('info', `stage ${stageOf(training).name}, epoch ${position.epoch}: ${told}`)
  if (verdict.dropsRate) ports.log('info', `stage ${stageOf(training).name}: nothing gained, the learning rate drops`)
  if (verdict.state.stoppedEarly) ports.log('info', `stage ${stageOf(training).name} stops early`)
  return { ...verdict, best, ms: ports.clock.now() - startMs }
}

async function score(training: Training, by: Predictor): Promise<number> {
  const { run, samples } = training
  const probability = await predict(training, samples.validation, by)
  const scored = { probability, actual: labelTable(run.manifest, samples.validation) }
  return scoreTable(scored, labelRanges(run.manifest), run.spec.metric)
}

/** Probabilities by the program's weights as they are, or by their averages. [n, labels] */
export function predict(training: Training, samples: Int32Array, by: Predictor = 'weights'): Promise<Float32Array> {
  return predictSamples(predictionOf(training, samples), by)
}

/** Probabilities and embeddings by the program's weights, batch by batch. */
export function embedBatches(training: Training, samples: Int32Array): AsyncGenerator<Embedded, void> {
  return embedSamples(predictionOf(training, samples))
}

function predictionOf(training: Training, samples: Int32Array): PredictSamples {
  const { run, program, source, views, labels, interrupts, reporter } = training
  const { manifest, spec } = run
  const onBatch = () => {
    interrupts.poll()
    reporter.tick(standingOf(training))
  }
  const { size } = spec.image
  const { batch } = spec.evaluate
  return { program, manifest, source, views, size, batch, samples, labels, onBatch }
}

/** Keeps the weights that predicted best, by their own names. Averages are all in one file: none of them stays as it is. */
async function keepWeights(training: Training, by: Predictor): Promise<BestWeights> {
  const { run, ports, writer, program, position, frozen } = training
  const isOwn = (name: string) => isWeight(name) && !frozen.has(name)
  const nameOf = by === 'average' ? averagedWeight : (name: string) => (isOwn(name) ? name : null)
  const copied = await copySnapshot(
    program.snapshot((name) => nameOf(name) !== null),
    ports.clock,
  )
  const weights = new Map([...copied].map(([name, tensor]) => [nameOf(name)!, tensor]))
  const file = await writer.writeTensors(path.join(run.workDir, `best-step-${position.step}.safetensors`), weights)
  return { file, frozen: by === 'average' ? null : ((await frozen.files()).weights ?? null) }
}

/** Removes the weights that a better evaluation has replaced, once no checkpoint under way links to them. */
async function dropReplaced({ best, checkpoints }: Training, previous: BestWeights | null): Promise<void> {
  if (previous === null || previous.file.path === best?.file.path) return
  await checkpoints.settled()
  await rm(previous.file.path)
}

/** Goes on to the next stage with the weights as they are, and saves that; after the last stage training is over. */
async function enterNextStage(training: Training, evaluation: Evaluation): Promise<void> {
  const { run, position, program, best: previousBest, checkpoints } = training
  const next = afterStage(position, evaluation.state, run.spec.stages)
  if (!next.state.trained) {
    training.program = programOf(training, next.position.stage, next.state)
    training.program.restore(program.state())
    program.dispose()
    training.frozen = frozenOf(training, next.position.stage, training.program)
    training.mining = miningOf(training, next.position.stage)
    const { execution } = training.environment
    training.environment = environmentFor(training, next.position.stage, training.program)
    if (training.environment.execution !== execution) tellEnvironment(training)
  }
  Object.assign(training, { ...next, best: evaluation.best })
  await dropReplaced(training, previousBest)
  await checkpoints.save()
}
