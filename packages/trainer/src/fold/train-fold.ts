import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { AppError, isAppError } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { NamedTensor } from '../models/model.ts'
import { isOutOfMemory } from '../models/guard-bundle.ts'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import type { Shrunk } from './amounts.ts'
import type { FoldOutcome, FoldPorts, FoldRun } from './fold-run.ts'
import { Interrupted, watchInterrupts } from './interrupts.ts'
import type { Interrupts } from './interrupts.ts'
import { stackLines } from './load-bundle.ts'
import { shrinkAfter } from './shrink.ts'
import { gatherNeighbours } from './ask-neighbours.ts'
import type { Neighbours } from './ask-neighbours.ts'
import { predict, trainStage } from './train-stage.ts'
import { openTraining, toFloats } from './training.ts'
import type { Closers, Training } from './training.ts'

/**
 * Trains one fold to its end, or until it is told to stop, from the beginning or from a checkpoint.
 *
 * However often it is interrupted and resumed, in the same environment it ends with the same weights and predictions,
 * byte for byte: every step is a pure function of the checkpoint's tensors, its position and the spec. Evaluations and
 * predictions that are interrupted start again. Predictions are made with the weights of the best evaluation.
 *
 * A training that runs out of memory goes on from its newest checkpoint with less at a time, unless its spec says that
 * it is to fail. From then on how much is done at a time is part of its checkpoints, too.
 *
 * Between steps the event loop runs, so that messages arrive; `signal` is looked at in every loop that may take long.
 *
 * @throws {AppError} `checkpoint-corrupt`, `weights-unfit`, `input-unusable`, `sample-broken`, `loss-not-finite`,
 *   `user-code-failed`, `out-of-memory`; `spec-invalid` when the dataset is too small for the folds or a stage does not
 *   fit the model or the dataset
 */
export async function trainFold(run: FoldRun, ports: FoldPorts): Promise<FoldOutcome> {
  const interrupts = watchInterrupts(ports.signal)
  try {
    for (let start: Start = { run, shrunk: null }, shrunken = 1; ; shrunken++) {
      const end = await trainFrom(start, ports, interrupts)
      if (end.kind !== 'out-of-memory') return end
      // A folder of its own again: what the training has written so far may still be on its way elsewhere.
      const workDir = path.join(run.workDir, `shrunk-${shrunken}`)
      await mkdir(workDir)
      start = { run: { ...run, resume: end.resume, workDir }, shrunk: end.shrunk }
    }
  } catch (error) {
    throw explain(run, ports, error)
  }
}

/** Where a training starts, and what it does less of at a time than it did there. */
interface Start {
  readonly run: FoldRun
  readonly shrunk: Shrunk | null
}

/** A training that ran out of memory: from where it can go on, and with what. */
interface OutOfMemory extends Pick<FoldRun, 'resume'> {
  readonly kind: 'out-of-memory'
  readonly shrunk: Shrunk
}

async function trainFrom(
  { run, shrunk }: Start,
  ports: FoldPorts,
  interrupts: Interrupts,
): Promise<FoldOutcome | OutOfMemory> {
  const closers: Closers = []
  try {
    const training = await openTraining(run, ports, interrupts, closers, shrunk)
    return await advance(training).catch((error: unknown) => leave(training, error))
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

async function advance(training: Training): Promise<FoldOutcome> {
  while (!training.state.trained) await trainStage(training)
  return conclude(training)
}

/** Predicts with the best weights. */
async function conclude(training: Training): Promise<FoldOutcome> {
  const { run, writer, program, position, samples, state } = training
  const { file, frozen } = training.best!
  const own = await readFloats(file)
  const best = frozen ? new Map([...own, ...(await readFloats(frozen))]) : own
  program.restore(best)
  // Whoever takes the weights of a fold finds all of them in one file.
  const weights = frozen ? await writer.writeTensors(path.join(run.workDir, 'weights.safetensors'), best) : file
  const neighbours = run.spec.knn && (await gatherNeighbours(training, run.spec.knn))
  try {
    const oof = await writePredictions(training, 'oof', samples.validation, neighbours)
    const test = samples.test.length === 0 ? null : await writePredictions(training, 'test', samples.test, neighbours)
    training.ports.log('info', `fold ${run.fold} is trained: score ${state.best!.score.toFixed(4)}`)
    return { kind: 'completed', position, oof, test, weights, best: state.best! }
  } finally {
    neighbours?.dispose()
  }
}

async function readFloats({ path: file }: LocalFile): Promise<Map<string, NamedTensor>> {
  return toFloats(decode(await readFile(file)).tensors)
}

async function writePredictions(
  training: Training,
  name: string,
  sample: Int32Array,
  neighbours: Neighbours | null,
): Promise<LocalFile> {
  const { run, writer, labels, columns } = training
  const asked = neighbours && (await neighbours.ask(sample))
  const probability = asked?.probability ?? (await predict(training, sample))
  return writer.writeTensors(
    path.join(run.workDir, `${name}.safetensors`),
    new Map([
      ['sample', { shape: [sample.length], data: sample.slice() }],
      ['probability', { shape: [sample.length, labels], data: probability }],
      ...(asked === null
        ? []
        : ([
            ['vote', { shape: [sample.length, labels], data: asked.vote }],
            ['distance', { shape: [sample.length], data: asked.distance }],
          ] as const)),
      ...(columns === null ? [] : [['label', { shape: [labels], data: columns.slice() }] as const]),
    ]),
  )
}

/** Ends an interrupted training: at a hand-over, once all that was done is in a checkpoint. */
async function leave(training: Training, error: unknown): Promise<FoldOutcome | OutOfMemory> {
  const shrunk = training.run.spec.onOom === 'shrink' ? shrinkAfter(training, error) : null
  if (shrunk) return goBack(training, shrunk)
  if (!(error instanceof Interrupted)) throw error
  if (error.signal === 'cancel') return { kind: 'cancelled' }
  await training.checkpoints.save()
  return { kind: 'handed-over', position: training.position }
}

/** To the newest checkpoint: TensorFlow may have assigned a part of what the failed step was to change. */
async function goBack({ checkpoints, newest }: Training, shrunk: Shrunk): Promise<OutOfMemory> {
  // One under way is of before the failure. Where it cannot be had any more, there is the one before it.
  await checkpoints.settled().catch(() => undefined)
  return { kind: 'out-of-memory', resume: newest(), shrunk }
}

/** Says what the code bundle's author needs to know, and names a lack of memory wherever it shows. */
function explain({ bundleDir }: FoldRun, { log }: FoldPorts, error: unknown): unknown {
  if (isAppError(error, 'user-code-failed') && bundleDir !== null)
    for (const line of stackLines(error.cause ?? error, bundleDir)) log('error', line)
  return isOutOfMemory(error) ? new AppError('out-of-memory', {}, { cause: error }) : error
}
