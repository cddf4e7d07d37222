import { copyFile, link } from 'node:fs/promises'
import path from 'node:path'
import { AppError, labelColumns, labelRanges, labelsOf, modelOf, ofLabelGroups } from '@baton/contracts'
import type { CheckpointFileName, LoopState, Position, StageSpec, TrainingEnvironment } from '@baton/contracts'
import { samplesOf, splitFolds } from '@baton/evaluation'
import { streamKey } from '@baton/random'
import type { Tensors } from '@baton/safetensors'
import { differenceOf } from '../checkpoint/compare-environments.ts'
import { frozenFiles } from '../checkpoint/frozen-files.ts'
import type { FrozenFiles } from '../checkpoint/frozen-files.ts'
import { newestCheckpoint } from '../checkpoint/newest-checkpoint.ts'
import type { Resumable } from '../checkpoint/newest-checkpoint.ts'
import { keepCheckpoints } from '../checkpoint/keep-checkpoints.ts'
import type { CheckpointKeeper, TrainingSnapshot } from '../checkpoint/keep-checkpoints.ts'
import { checkManifest, readCheckpoint } from '../checkpoint/read-checkpoint.ts'
import type { Checkpoint, TensorFile } from '../checkpoint/read-checkpoint.ts'
import type { BestWeights, CheckpointContent, Frozen } from '../checkpoint/save-checkpoint.ts'
import { startCheckpointWriter } from '../checkpoint/checkpoint-writer.ts'
import type { CheckpointWriter } from '../checkpoint/checkpoint-writer.ts'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import { planStage } from '../data/batches.ts'
import type { StagePlan } from '../data/batches.ts'
import { trainSize } from '../data/augment/model-picture.ts'
import { createMining, isMineTensor } from '../data/mining.ts'
import type { Mining } from '../data/mining.ts'
import { createImageSource } from '../data/image-source.ts'
import type { ImageSource } from '../data/image-source.ts'
import { createViews } from '../data/views.ts'
import type { Views } from '../data/views.ts'
import { takeStartingPoint } from '../inputs/starting-point.ts'
import { openTargets } from '../inputs/targets.ts'
import type { Targets } from '../inputs/targets.ts'
import { buildModel } from '../models/build.ts'
import type { BundleModule } from '../models/bundle.ts'
import { checkEmbedding } from '../models/embedding.ts'
import type { Model, NamedTensor, NamedTensors } from '../models/model.ts'
import { checkStage } from '../step/check-stage.ts'
import type { Snapshot } from '../step/stage-state.ts'
import { createStageProgram } from '../step/stage-program.ts'
import type { StageProgram } from '../step/stage-program.ts'
import { amountsOf } from './amounts.ts'
import type { Shrunk } from './amounts.ts'
import type { FoldPorts, FoldRun } from './fold-run.ts'
import type { Interrupts } from './interrupts.ts'
import { environmentOf, precisionWarning } from './precision.ts'
import { loadBundle } from './load-bundle.ts'
import { endOf } from './cadence.ts'
import { firstPosition, firstState, totalStepsOf, undecidedMs } from './loop-state.ts'
import { reportProgress } from './report-progress.ts'
import type { ProgressReporter, TrainingStanding } from './report-progress.ts'

/** What a training works with, from its first step in this session to its last. */
interface Workshop {
  /** Its manifest is of the label groups that are trained. */
  readonly run: FoldRun
  readonly ports: FoldPorts
  readonly interrupts: Interrupts
  readonly bundle: BundleModule | null
  /** How many. */
  readonly labels: number
  /** Which of the dataset's labels they are, by their places; null: all. */
  readonly columns: Int32Array | null
  /** Indexes in the manifest, ascending. Those that are trained on may be test samples too. */
  readonly samples: { readonly train: Int32Array; readonly validation: Int32Array; readonly test: Int32Array }
  readonly targets: Targets
  readonly plans: readonly StagePlan[]
  readonly model: Model
  readonly source: ImageSource
  /** Of what is predicted. */
  readonly views: Views
  readonly writer: CheckpointWriter
  readonly reporter: ProgressReporter
}

/** Where a training stands. All change together, between steps: at any time they make one valid checkpoint. */
interface Standing {
  position: Position
  state: LoopState
  best: BestWeights | null
  /** Of the position's stage; its state is that of the position. */
  program: StageProgram
  /** Of the position's stage. */
  frozen: FrozenFiles
  /** How the steps of the position's stage run; goes into every checkpoint. */
  environment: TrainingEnvironment
  /** Of the position's stage; null where it does not mine. */
  mining: Mining | null
}

export interface Training extends Workshop, Standing {
  readonly checkpoints: CheckpointKeeper
  /** What the training can go back to; null: its beginning. */
  readonly newest: () => Resumable | null
}

/** Takes what has to be closed when the training is left, last opened first closed. */
export type Closers = (() => void | Promise<void>)[]

/** Part of the free memory that decoded images may take; the rest is TensorFlow's. */
const cachePart = 1 / 3

/**
 * Opens a training at its first step, or where its checkpoint left it.
 *
 * @param shrunk What is done less of at a time than there; null: nothing.
 * @throws {AppError} `checkpoint-corrupt`, `weights-unfit`, `input-unusable`, `user-code-failed`; `spec-invalid` when a
 *   stage does not fit the model or the dataset
 */
export async function openTraining(
  run: FoldRun,
  ports: FoldPorts,
  interrupts: Interrupts,
  closers: Closers,
  shrunk: Shrunk | null,
): Promise<Training> {
  const writer = startCheckpointWriter()
  closers.push(() => writer.close())
  const resume = run.resume && { ...run.resume, specDigest: run.specDigest, fold: run.fold, read: writer.readHashed }
  const said = resume && checkManifest(resume)
  const reading = resume && readCheckpoint(resume)
  // Its error is met below.
  reading?.catch(() => undefined)
  const workshop = await openWorkshop(run, ports, interrupts, closers, writer)
  if (said) checkPosition(said, run.spec.stages, workshop.plans)
  const position = said?.position ?? firstPosition
  const slots = resume ? null : await begin(workshop)
  const state = { ...(said?.state ?? firstState(run.spec.stages[0]!)), ...shrunk }
  const program = programOf(workshop, position.stage, state)
  // The program of whichever stage the training is left in.
  const holder = { program }
  closers.push(() => holder.program.dispose())
  // What the first step takes before it has a state to start from goes on while the state is being read.
  if (!said?.state.trained && !workshop.bundle) program.prepare(workshop.plans[position.stage]!.batch)
  const checkpoint = await reading
  const begun: Omit<Standing, 'frozen' | 'environment'> = Object.assign(holder, {
    position,
    state,
    best: checkpoint && (await takeOverBest(run, checkpoint)),
    mining: miningOf(workshop, position.stage),
  })
  if (checkpoint) restore(begun, toFloats(checkpoint.tensors))
  else if (slots) program.restore(new Map([...program.state(), ...slots]))
  const known = checkpoint && (await takeOverFrozen(run, checkpoint, program))
  // The same object, so that what closes sees what changes.
  const standing: Standing = Object.assign(begun, {
    frozen: frozenOf(workshop, position.stage, program, known),
    environment: environmentFor(workshop, position.stage, program),
  })
  const manifest = () => manifestOf(workshop, standing)
  const newest = newestCheckpoint(path.join(run.workDir, 'newest'), run.resume)
  const training: Training = Object.assign(standing, workshop, {
    newest: newest.get,
    checkpoints: keepCheckpoints({
      writer: workshop.writer,
      workDir: run.workDir,
      everySeconds: run.spec.checkpoint.everySeconds,
      clock: ports.clock,
      manifest,
      snapshot: () => snapshotOf(standing),
      resumed: checkpoint && manifest(),
      async onSaved(saved) {
        if (run.spec.onOom === 'shrink') await newest.keep(saved)
        ports.checkpoint(saved)
      },
    }),
  })
  tellEnvironment(training)
  if (checkpoint) announce(training, checkpoint)
  tellAmounts(training)
  return training
}

/** Says how steps run, and what somebody should know of it. */
export function tellEnvironment({ run, ports, environment }: Pick<Training, 'run' | 'ports' | 'environment'>): void {
  ports.log('info', describeExecution(environment, ports.tensorflow.environment.execution === 'compiled'))
  const warning = precisionWarning(run.spec.precision, { tf: ports.tensorflow.tf, environment })
  if (warning !== null) ports.log('warn', warning)
}

/** @param canCompile Whether a step that can become a graph does. */
function describeExecution({ execution, precision, tensorflow }: TrainingEnvironment, canCompile: boolean): string {
  if (execution === 'compiled') return `steps run compiled, in ${precision}, as graphs of TensorFlow ${tensorflow}`
  if (canCompile) return 'steps run eagerly: the code bundle computes what cannot become a graph'
  return `steps run eagerly: ${tensorflow === 'none' ? 'without TensorFlow there are no graphs' : 'the worker was told to'}`
}

/** How a stage's steps run. A code bundle's show it only when its code is run, with the program's state taken up. */
export function environmentFor(
  { run, ports, plans, bundle }: Workshop,
  stage: number,
  program: Pick<StageProgram, 'prepare'>,
): TrainingEnvironment {
  const execution = bundle ? program.prepare(plans[stage]!.batch) : ports.tensorflow.environment.execution
  return environmentOf(run.spec.precision, ports.tensorflow, execution)
}

/** Gives the model the weights that training starts with, where it is given some. @returns Optimizer slots to go on with */
async function begin({ run, ports, model }: Workshop): Promise<NamedTensors | null> {
  const begun = await takeStartingPoint(ports.tensorflow.tf, model, run.inputs)
  if (begun !== null) ports.log('info', begun.text)
  return begun && begun.slots.size > 0 ? begun.slots : null
}

async function openWorkshop(
  whole: FoldRun,
  ports: FoldPorts,
  interrupts: Interrupts,
  closers: Closers,
  writer: CheckpointWriter,
): Promise<Workshop> {
  const { spec, fold, inputs } = whole
  const manifest = ofLabelGroups(whole.manifest, spec.labels)
  const run = { ...whole, manifest }
  const bundle = run.bundleDir === null ? null : await loadBundle(run.bundleDir)
  const labels = labelsOf(manifest).length
  const columns = spec.labels === null ? null : Int32Array.from(labelColumns(whole.manifest, spec.labels))
  const foldOf = splitFolds(whole.manifest, spec.folds, spec.seed)
  const train = samplesOf(manifest, 'train')
  const own = train.filter((sample) => foldOf[sample] !== fold)
  const targets = await openTargets({ spec, manifest: whole.manifest, inputs, train: own })
  const samples = {
    train: targets.samples,
    validation: train.filter((sample) => foldOf[sample] === fold),
    test: samplesOf(manifest, 'test'),
  }
  const model = buildModel(modelOf(spec, fold), {
    tf: ports.tensorflow.tf,
    classes: labels,
    imageSize: spec.image.size,
    imageSizes: spec.stages.map((stage) => trainSize(stage, spec.image)),
    seed: foldSeed(run),
    blank: run.resume !== null,
    ...(bundle && { bundle }),
  })
  closers.push(() => model.dispose())
  // What Baton brings has them.
  if (spec.knn !== null && modelOf(spec, fold).name === 'bundle')
    checkEmbedding(ports.tensorflow.tf, model, spec.image.size)
  for (const stage of spec.stages) checkStage(stage, { model, manifest, samples: train })
  const source = createImageSource({
    manifest,
    image: spec.image,
    findShard: run.findShard,
    repeated: Int32Array.from(new Set([...train, ...targets.samples])),
    cacheBytes: process.availableMemory() * cachePart,
    threads: run.dataThreads,
    poll: interrupts.poll,
  })
  closers.push(() => source.close())
  const plans = spec.stages.map((stage) => planStage(stage, samples.train.length))
  const views = createViews(spec, fold)
  const reporter = reportProgress(ports)
  return {
    run,
    ports,
    interrupts,
    bundle,
    labels,
    columns,
    samples,
    targets,
    plans,
    model,
    source,
    views,
    writer,
    reporter,
  }
}

/** Every fold begins with weights of its own, and draws dropout of its own. */
function foldSeed({ spec, fold }: FoldRun): number {
  return streamKey(spec.seed, 'fold', fold)[0]
}

export function programOf({ run, ports, model, bundle }: Workshop, stage: number, state: Shrunk): StageProgram {
  const { execution, precision } = environmentOf(run.spec.precision, ports.tensorflow)
  const stageSpec = run.spec.stages[stage]!
  const { accumulate, predictBatch } = amountsOf(run.spec, stageSpec, state)
  return createStageProgram({
    tf: ports.tensorflow.tf,
    model,
    stage: { ...stageSpec, accumulate },
    spec: { ...run.spec, evaluate: { ...run.spec.evaluate, batch: predictBatch } },
    labelColumns: labelRanges(run.manifest),
    seed: foldSeed(run),
    execution,
    precision,
    log: (line) => ports.log('info', `stage ${stageSpec.name}: ${line}`),
    ...(bundle && { bundle }),
  })
}

/** @param known Files that a checkpoint of the stage came with; null: none. */
export function frozenOf(
  { run, ports, writer }: Workshop,
  stage: number,
  program: StageProgram,
  known: Frozen | null = null,
): FrozenFiles {
  return frozenFiles({ program, writer, dir: run.workDir, stage, clock: ports.clock, known })
}

export function miningOf({ run, samples }: Workshop, stage: number): Mining | null {
  const { mine } = run.spec.stages[stage]!
  return mine && createMining(mine, samples.train)
}

/** A training as it is now; the program's tensors are copied as they are read. */
function snapshotOf({ program, frozen, mining, best }: Standing): TrainingSnapshot {
  const mined = mining?.state() ?? []
  const programs = program.snapshot((name) => !frozen.has(name))
  const tensors = (function* (): Snapshot {
    yield* mined
    yield* programs
  })()
  return { tensors, frozen: frozen.files(), best }
}

function restore({ program, mining }: Pick<Standing, 'program' | 'mining'>, tensors: NamedTensors): void {
  program.restore(new Map([...tensors].filter(([name]) => !isMineTensor(name))))
  mining?.restore(tensors)
}

export function stageOf({ run, position }: Training): StageSpec {
  return run.spec.stages[position.stage]!
}

/** Where the training stands, for people. */
export function standingOf(training: Training): TrainingStanding {
  const { run, position, state, plans } = training
  return {
    position,
    totalSteps: totalStepsOf(position, state, plans),
    undecidedMs: undecidedMs(position, state, run.spec.stages),
    stageName: stageOf(training).name,
  }
}

function manifestOf({ run }: Workshop, { position, state, environment }: Standing): CheckpointContent['manifest'] {
  const { specDigest, fold } = run
  return { format: 'baton.checkpoint/1', specDigest, fold, position, state, environment }
}

function corrupt(detail: string, facts: Record<string, unknown>): AppError {
  return new AppError('checkpoint-corrupt', facts, { detail })
}

/** A position that this training can come to. */
function checkPosition(
  { position, state }: Pick<Checkpoint, 'position' | 'state'>,
  stages: readonly StageSpec[],
  plans: readonly StagePlan[],
): void {
  const { step, stage, stageStep, epoch } = position
  const plan = plans[stage]
  const isWhole = plan && stageStep <= endOf(plan, state) && stageStep <= step
  if (!isWhole || epoch !== Math.floor(stageStep / plan.stepsPerEpoch))
    throw corrupt('the checkpoint stands where this training never comes', { position })
  if ((state.accumulate ?? 1) > plan.batch)
    throw corrupt('the checkpoint does batches in more parts than they have samples', { accumulate: state.accumulate })
  const { hours, plateau } = firstState(stages[stage]!)
  if ((state.hours === null) !== (hours === null) || (state.plateau === null) !== (plateau === null))
    throw corrupt('the checkpoint has the state of another stage', { stage })
  if (state.trained && state.best === null) throw corrupt('the checkpoint is of a training without evaluation', {})
}

/** @throws {AppError} `checkpoint-corrupt` when a tensor is not float32 */
export function toFloats(tensors: Tensors): Map<string, NamedTensor> {
  return new Map(
    Array.from(tensors, ([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw corrupt(`${name} does not hold float32`, { tensor: name })
      return [name, { shape, data }]
    }),
  )
}

async function takeOverBest(run: FoldRun, { best }: Checkpoint): Promise<BestWeights | null> {
  if (best === null) return null
  return {
    file: await takeOver(run, 'best', best.file),
    frozen: best.frozen && (await takeOver(run, 'frozen-best', best.frozen)),
  }
}

/** Null where the checkpoint has other tensors apart than the stage leaves as they are. */
async function takeOverFrozen(
  run: FoldRun,
  { frozen: { weights, optimizer }, tensors }: Checkpoint,
  program: StageProgram,
): Promise<Frozen | null> {
  const apart = new Set([weights, optimizer].flatMap((part) => [...(part?.tensors.keys() ?? [])]))
  if ([...tensors.keys()].some((name) => program.isFrozen(name) !== apart.has(name))) return null
  return {
    ...(weights && { weights: await takeOver(run, 'frozen-weights', weights) }),
    ...(optimizer && { optimizer: await takeOver(run, 'frozen-optimizer', optimizer) }),
  }
}

/** A file that came with the checkpoint, in our own folder: where it came from is not ours to rely on. */
async function takeOver(run: FoldRun, name: CheckpointFileName, { file }: TensorFile): Promise<LocalFile> {
  const from = run.resume!.filePath(name)
  const to = path.join(run.workDir, `${name}-resumed.safetensors`)
  await link(from, to).catch(() => copyFile(from, to))
  return { ...file, path: to }
}

function announce(training: Training, checkpoint: Checkpoint): void {
  const { ports, environment, position, state } = training
  const where = state.trained ? 'with only the predictions left' : `in stage ${stageOf(training).name}`
  ports.log('info', `resumed at step ${position.step}, ${where}`)
  const difference = differenceOf(checkpoint.environment, environment)
  if (difference !== null) ports.log('warn', difference)
}

/** Says of how many samples the parts of a batch are, where memory decided that. */
function tellAmounts(training: Training): void {
  const { run, ports, plans, position, state } = training
  if (state.trained || state.accumulate === null) return
  const { accumulate } = amountsOf(run.spec, stageOf(training), state)
  const samples = Math.ceil(plans[position.stage]!.batch / accumulate)
  ports.metrics([{ step: position.step, name: 'train/micro-batch', value: samples }])
  ports.log(
    'info',
    `stage ${stageOf(training).name} does ${samples} samples at a time, as it ran out of memory with more`,
  )
}
