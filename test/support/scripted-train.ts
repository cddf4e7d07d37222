import { createHash } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AppError, LoopState } from '@baton/contracts'
import type { Blob, CheckpointManifest } from '@baton/contracts'
import { serveSupervisor } from '@baton/worker'
import type { LocalFile, Outcome, Supervisor, TrainingRun } from '@baton/worker'

/** What a scripted training does; stands as JSON in `spec.name`. */
export interface Script {
  /** Steps in all. */
  readonly steps: number
  readonly stepMs?: number
  /** A checkpoint after so many steps. */
  readonly saveEvery?: number
  /** At this step it goes wrong: this way, in the first attempt only. */
  readonly trouble?: {
    readonly at: number
    readonly how: 'exit' | 'kill' | 'throw' | 'user-code' | 'deaf' | 'nonsense'
  }
}

/**
 * A training that computes no gradients: its weights are a chain of hashes over the steps, so that a lost, repeated or
 * swapped step shows in the result, as it would in real weights.
 */
async function train(run: TrainingRun, supervisor: Supervisor): Promise<Outcome> {
  const script = JSON.parse(run.spec.name) as Script
  const { steps, stepMs = 5, saveEvery = 10, trouble } = script
  let step = run.resume?.manifest.position.step ?? 0
  let weights = run.resume ? await readWeights(run.resume) : run.specDigest
  process.stdout.write(`pid ${process.pid}\n`)
  process.stdout.write(`sees GPU ${process.env.CUDA_VISIBLE_DEVICES ?? 'any'}\n`)
  supervisor.send({ kind: 'log', level: 'info', text: `training from step ${step}` })

  const save = async (): Promise<void> => {
    const startMs = performance.now()
    const dir = await mkdtemp(path.join(run.workDir, `checkpoint-${step}-`))
    const files = [
      { name: 'weights' as const, ...(await write(dir, 'weights', weights)) },
      // Never changes, so it is sent once.
      { name: 'optimizer' as const, ...(await write(dir, 'optimizer', `optimizer of ${run.specDigest}`)) },
    ]
    const blobs = files.map(({ name, digest, sizeBytes }) => ({ name, digest, sizeBytes }))
    const paths = Object.fromEntries(files.map((file) => [file.name, file.path]))
    const saveSeconds = (performance.now() - startMs) / 1000
    supervisor.send({
      kind: 'checkpoint',
      checkpoint: { manifest: manifestOf(run, step, blobs), dir, files: paths, saveSeconds },
    })
  }

  let lookMs = performance.now()
  for (; step < steps; step++) {
    const signal = supervisor.signal()
    if (signal === 'cancel') return { kind: 'cancelled' }
    if (signal === 'hand-over') {
      await save()
      return { kind: 'handed-over' }
    }
    if (signal === 'checkpoint' || (step % saveEvery === 0 && step > 0)) await save()
    if (trouble?.at === step && !run.resume) await makeTrouble(trouble.how)
    weights = createHash('sha256').update(`${weights} ${step}`).digest('hex')
    await setTimeout(stepMs)
    supervisor.send({ kind: 'metrics', points: [{ step, name: 'train/loss', value: 1 / (step + 1) }] })
    const stepSeconds = (performance.now() - lookMs) / 1000
    lookMs = performance.now()
    supervisor.send({ kind: 'progress', progress: progressOf(step + 1, steps), stepSeconds })
  }
  const test = null
  return {
    kind: 'completed',
    step,
    oof: await write(run.workDir, 'oof', `${weights} oof`),
    test,
    weights: await write(run.workDir, 'weights', weights),
  }
}

async function readWeights({ manifest, files }: NonNullable<TrainingRun['resume']>): Promise<string> {
  const weights = await readFile(files.weights!, 'utf8')
  const { digest } = manifest.files.find(({ name }) => name === 'weights')!
  if (createHash('sha256').update(weights).digest('hex') !== digest) throw new AppError('checkpoint-corrupt')
  return weights
}

async function makeTrouble(how: NonNullable<Script['trouble']>['how']): Promise<void> {
  process.stderr.write('trouble ahead\n')
  switch (how) {
    case 'exit':
      return process.exit(9)
    case 'kill':
      return void process.kill(process.pid, 'SIGKILL')
    case 'throw':
      throw new Error('a bug of the training')
    case 'user-code':
      throw new AppError('user-code-failed', {}, { detail: 'model.ts: x is not a function' })
    case 'deaf':
      // As in a native call that never returns.
      for (;;);
    case 'nonsense':
      process.send!({ kind: 'progress', progress: 'fine' })
      return setTimeout(60_000)
  }
}

async function write(dir: string, name: string, text: string): Promise<LocalFile> {
  const file = path.join(dir, name)
  await writeFile(file, text)
  return { path: file, digest: createHash('sha256').update(text).digest('hex'), sizeBytes: Buffer.byteLength(text) }
}

function manifestOf(
  run: TrainingRun,
  step: number,
  files: (Blob & { name: 'weights' | 'optimizer' })[],
): CheckpointManifest {
  return {
    format: 'baton.checkpoint/1',
    specDigest: run.specDigest,
    fold: run.fold,
    position: { step, stage: 0, stageStep: step, epoch: 0 },
    state: LoopState.parse({ best: null, evaluationsWithoutGain: 0, stoppedEarly: false, trained: false }),
    environment: {
      backend: 'scripted',
      tensorflow: 'none',
      device: 'none',
      intraOpThreads: 1,
      interOpThreads: 1,
      oneDnn: false,
      precision: 'fp32',
      execution: 'compiled',
    },
    files,
  }
}

function progressOf(step: number, totalSteps: number) {
  return { step, totalSteps, epoch: 0, stage: 'all', loss: 1 / step, lr: 0.01, imagesPerSecond: null, etaSeconds: null }
}

await serveSupervisor(train)
