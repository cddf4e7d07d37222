import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { ExperimentSpec, ModelSpec } from '@baton/contracts'
import { loadTensorflow, prepareTensorflow } from '@baton/tensorflow'
import type { LoadedTensorflow, Tf } from '@baton/tensorflow'
import { startCheckpointWriter } from '../packages/trainer/src/checkpoint/checkpoint-writer.ts'
import type { CheckpointWriter } from '../packages/trainer/src/checkpoint/checkpoint-writer.ts'
import { frozenFiles } from '../packages/trainer/src/checkpoint/frozen-files.ts'
import { keepCheckpoints } from '../packages/trainer/src/checkpoint/keep-checkpoints.ts'
import type { CheckpointKeeper } from '../packages/trainer/src/checkpoint/keep-checkpoints.ts'
import { readCheckpoint } from '../packages/trainer/src/checkpoint/read-checkpoint.ts'
import type { SavedCheckpoint } from '../packages/trainer/src/checkpoint/save-checkpoint.ts'
import { firstPosition, firstState } from '../packages/trainer/src/fold/loop-state.ts'
import { toFloats } from '../packages/trainer/src/fold/training.ts'
import { buildModel } from '../packages/trainer/src/models/build.ts'
import type { Model } from '../packages/trainer/src/models/model.ts'
import { createStageProgram } from '../packages/trainer/src/step/stage-program.ts'
import type { StageProgram } from '../packages/trainer/src/step/stage-program.ts'
import type { Benchmark, Figure, Run } from './figure.ts'
import { measureHandOvers } from './hand-over.ts'

const classes = 100
const size = 8
const batch = 4
/** ResNet-18 half as wide again: 25.2 million parameters, of which one kernel has 5.3 million. */
const modelSpec = ModelSpec.parse({ name: 'resnet', width: 96, layers: [2, 2, 2, 2] })
const spec = ExperimentSpec.parse({
  name: 'checkpoint',
  dataset: 'none',
  folds: { count: 2 },
  model: modelSpec,
  image: { size },
  stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 1e-4 } }],
})
const stage = spec.stages[0]!
/** Between two saves, as long as they are apart in a training. */
const cadenceMs = 60_000
const stepsPlain = 10

/** What one save takes from a training: time of its own, and the longest that nothing else came to turn because of it. */
interface Saving {
  readonly blockMs: number
  readonly costMs: number
  /** Of all processors and threads. */
  readonly cpuMs: number
}

export default {
  summary: 'what it takes of a training to save, resume and hand over 25 million parameters with their AdamW slots',
  repetitions: 5,
  run: async (run: Run): Promise<Figure[]> => {
    await prepareTensorflow()
    const startMs = performance.now()
    const tensorflow = await loadTensorflow({ threads: 2 })
    const tensorflowSeconds = (performance.now() - startMs) / 1000
    run.say(`TensorFlow: ${tensorflow.environment.backend}, ${tensorflow.environment.device}`)
    return [...(await measureSaves(run, tensorflow)), ...(await measureHandOvers(run, tensorflowSeconds))]
  },
} satisfies Benchmark

/**
 * Saves of a training of 25 million parameters with AdamW, by the code that saves in a fold. Steps with a save under way
 * are compared with the steps before and after it.
 */
async function measureSaves({ repetitions, say }: Run, tensorflow: LoadedTensorflow): Promise<Figure[]> {
  const { tf } = tensorflow
  const folder = await mkdtemp(path.join(os.tmpdir(), 'baton-bench-'))
  const model = buildModel(modelSpec, { tf, classes, imageSize: size, seed: 1 })
  const parameters = model.variables.reduce((sum, { variable }) => sum + variable.size, 0)
  const program = programOf(tf, model, stage)
  const writer = startCheckpointWriter()
  let position = firstPosition
  const saved: number[] = []
  const kept: SavedCheckpoint[] = []
  const keeper = keepCheckpoints({
    writer,
    workDir: folder,
    everySeconds: 3600,
    clock: performance,
    manifest: () => ({
      format: 'baton.checkpoint/1',
      specDigest,
      fold: 0,
      position,
      state: firstState(stage),
      environment: { ...tensorflow.environment, precision: 'fp32' },
    }),
    snapshot: () => ({ tensors: program.snapshot(), frozen: Promise.resolve({}), best: null }),
    resumed: null,
    onSaved(checkpoint) {
      saved.push(checkpoint.saveSeconds)
      kept.push(checkpoint)
      if (kept.length > 1) void rm(kept.shift()!.dir, { recursive: true })
    },
  })
  const step = async () => {
    program.train(aBatch, { lr: 1e-4 }, position.step)
    position = { ...position, step: position.step + 1, stageStep: position.stageStep + 1 }
    await turn()
  }
  try {
    say(`${(parameters / 1e6).toFixed(1)} million parameters`)
    for (let i = 0; i < 3; i++) await step()
    const savings: Saving[] = []
    let before = await plainSteps(step)
    const steps = [before.ms]
    for (let i = 0; i < repetitions; i++) {
      say(`repetition ${i + 1} of ${repetitions}`)
      const seen = saved.length
      const start = now()
      let done = 0
      let blockMs = 0
      for (let wish = true; saved.length === seen; wish = false, done++) {
        await step()
        blockMs = Math.max(blockMs, saveMs(keeper, wish))
      }
      const took = since(start)
      const after = await plainSteps(step)
      const costOf = (what: keyof Time) => took[what] - (done * (before[what] + after[what])) / 2
      savings.push({ blockMs, costMs: costOf('ms'), cpuMs: costOf('cpuMs') })
      before = after
      steps.push(before.ms)
    }
    await keeper.settled()
    const [last] = kept
    const resumed: Resumed[] = []
    for (let i = 0; i < repetitions; i++) resumed.push(await resume(tf, writer, last!))
    const sentByHead = await headSaveBytes({ tf, model, program, writer, folder })
    return [
      {
        name: 'from the files of a checkpoint to the first step done',
        unit: 's',
        values: resumed.map(({ model: made, trace, files, state, step: done }) => made + trace + files + state + done),
        goal: { atMost: 3 },
      },
      { name: 'of that, making model and stage', unit: 's', values: resumed.map((one) => one.model) },
      { name: 'of that, tracing the step', unit: 's', values: resumed.map(({ trace }) => trace) },
      { name: 'of that, waiting for the files to be read', unit: 's', values: resumed.map(({ files }) => files) },
      { name: 'of that, taking up the state', unit: 's', values: resumed.map(({ state }) => state) },
      { name: 'of that, TensorFlow’s first run of the step', unit: 's', values: resumed.map((one) => one.step) },
      {
        name: 'sent by a save of a stage that trains all',
        unit: 'kB',
        values: [sizeOf(last!.manifest.files) / 1000],
      },
      { name: 'sent by a save of a stage that trains the head', unit: 'kB', values: [sentByHead / 1000] },
      {
        name: 'longest block of the event loop by a save',
        unit: 'ms',
        values: savings.map((one) => one.blockMs),
        goal: { atMost: 50 },
      },
      {
        name: 'training time lost at one save a minute',
        unit: '%',
        values: savings.map(({ costMs }) => (costMs / cadenceMs) * 100),
        goal: { atMost: 1 },
      },
      { name: 'processor time of a save', unit: 'ms', values: savings.map(({ cpuMs }) => cpuMs) },
      { name: 'from the beginning of a save to its end', unit: 's', values: saved },
      { name: 'a step without saving', unit: 'ms', values: steps },
    ]
  } finally {
    await writer.close()
    program.dispose()
    model.dispose()
    await rm(folder, { recursive: true, force: true })
  }
}

function programOf(tf: Tf, model: Model, of: typeof stage): StageProgram {
  const labelColumns = [{ name: 'all', start: 0, end: classes }]
  return createStageProgram({ tf, model, stage: of, spec, labelColumns, seed: 1 })
}

/** Seconds that parts of a resume take, one after the other; meanwhile a thread reads the files. */
interface Resumed {
  readonly model: number
  readonly trace: number
  /** What is left of the reading by then. */
  readonly files: number
  readonly state: number
  readonly step: number
}

/** What a training does from a checkpoint on this machine to its first step. */
async function resume(tf: Tf, writer: CheckpointWriter, { manifest, files }: SavedCheckpoint): Promise<Resumed> {
  let last = performance.now()
  const lap = () => {
    const seconds = (performance.now() - last) / 1000
    last += 1000 * seconds
    return seconds
  }
  const filePath = (name: string) => files[name]!
  const reading = readCheckpoint({ manifest, filePath, specDigest, fold: 0, read: writer.readHashed })
  const model = buildModel(modelSpec, { tf, classes, imageSize: size, seed: 1, blank: true })
  const program = programOf(tf, model, stage)
  const making = lap()
  program.prepare(batch)
  const tracing = lap()
  const { tensors } = await reading
  const waiting = lap()
  program.restore(toFloats(tensors))
  const restoring = lap()
  program.train(aBatch, { lr: 1e-4 }, manifest.position.step)
  const stepping = lap()
  program.dispose()
  model.dispose()
  return { model: making, trace: tracing, files: waiting, state: restoring, step: stepping }
}

interface HeadSave {
  readonly tf: Tf
  readonly model: Model
  /** Of the stage before. */
  readonly program: StageProgram
  readonly writer: CheckpointWriter
  readonly folder: string
}

/** Bytes that storage does not have yet, of a checkpoint of a stage that trains the head after one that trained all. */
async function headSaveBytes({ tf, model, program, writer, folder }: HeadSave): Promise<number> {
  const head = programOf(tf, model, { ...stage, train: 'head' })
  head.restore(program.state())
  const frozen = frozenFiles({ program: head, writer, dir: folder, stage: 1, clock: performance, known: null })
  await frozen.files()
  const changing = head.snapshot((name) => !frozen.has(name))
  const tensors = new Map([...changing].filter((part) => part !== null))
  const { sizeBytes } = await writer.writeTensors(path.join(folder, 'changing'), tensors)
  head.dispose()
  return sizeBytes
}

function sizeOf(files: readonly { readonly sizeBytes: number }[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

const specDigest = '0'.repeat(64)
const aBatch: Parameters<StageProgram['train']>[0] = {
  images: Uint8Array.from({ length: batch * size * size * 3 }, (_, i) => (i * 7919) % 256),
  labels: Float32Array.from({ length: batch * classes }, (_, i) => i % 2),
  blend: null,
  n: batch,
}

/** Milliseconds on the wall, and of the process on all processors. */
interface Time {
  readonly ms: number
  readonly cpuMs: number
}

function now(): Time {
  const { user, system } = process.cpuUsage()
  return { ms: performance.now(), cpuMs: (user + system) / 1000 }
}

function since(start: Time): Time {
  const { ms, cpuMs } = now()
  return { ms: ms - start.ms, cpuMs: cpuMs - start.cpuMs }
}

/** A step without a save under way, as the mean of some. */
async function plainSteps(step: () => Promise<void>): Promise<Time> {
  const start = now()
  for (let i = 0; i < stepsPlain; i++) await step()
  const { ms, cpuMs } = since(start)
  return { ms: ms / stepsPlain, cpuMs: cpuMs / stepsPlain }
}

/** Without the time that the thread waited for a processor that other programs had. */
function saveMs(keeper: CheckpointKeeper, wish: boolean): number {
  const [start, waited] = [performance.now(), waitedMs()]
  keeper.saveIfDue(() => wish)
  return performance.now() - start - (waitedMs() - waited)
}

/** How long this thread was ready to run and did not; 0 where the system does not say. */
function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
