import { readFile } from 'node:fs/promises'
import { parseManifest } from '@baton/contracts'
import type { DatasetManifest, Progress, Sample } from '@baton/contracts'
import { loadTensorflow } from '@baton/tensorflow'
import { trainFold } from '@baton/trainer'
import type { FoldOutcome, FoldPorts, FoldProgress, FoldRun } from '@baton/trainer'
import type { Outcome, TrainingRun } from './child/messages.ts'
import { serveSupervisor } from './child/serve-supervisor.ts'
import type { Supervisor } from './child/serve-supervisor.ts'
import type { ShardPiece } from './transfer/shard-piece.ts'

/** The training child: trains one fold with TensorFlow, and tells the supervisor. */
async function train(run: TrainingRun, supervisor: Supervisor): Promise<Outcome> {
  const manifest = parseManifest(JSON.parse(await readFile(run.manifestPath, 'utf8')))
  const { threads, execution, cacheDir } = run
  const tensorflow = await loadTensorflow({ threads, execution, cacheDir })
  return outcomeOf(await trainFold(foldRunOf(run, manifest, supervisor), portsTo(supervisor, tensorflow)))
}

function foldRunOf(
  { spec, specDigest, fold, dataThreads, bundleDir, inputs, resume, workDir }: TrainingRun,
  manifest: DatasetManifest,
  supervisor: Supervisor,
): FoldRun {
  return {
    spec,
    specDigest,
    fold,
    manifest,
    findShard: (shard, samples) =>
      supervisor.find(
        shard,
        samples.map((sample) => pieceOf(manifest.samples[sample]!)),
      ),
    dataThreads,
    bundleDir,
    inputs,
    resume: resume && { manifest: resume.manifest, filePath: (name) => resume.files[name]! },
    workDir,
  }
}

function pieceOf({ offset, length, digest }: Sample): ShardPiece {
  return { offset, length, digest }
}

/** The training's ports, as messages. */
function portsTo(supervisor: Supervisor, tensorflow: FoldPorts['tensorflow']): FoldPorts {
  const clock = { now: () => performance.now() }
  let lookedMs = clock.now()
  let longestMs = 0
  return {
    tensorflow,
    clock,
    signal() {
      const nowMs = clock.now()
      longestMs = Math.max(longestMs, nowMs - lookedMs)
      lookedMs = nowMs
      return supervisor.signal()
    },
    progress(progress) {
      supervisor.send({ kind: 'progress', progress: progressOf(progress), stepSeconds: longestMs / 1000 })
      longestMs = 0
    },
    metrics(points) {
      // A loss that is not finite ends the training with words of its own; JSON has no number for it.
      supervisor.send({ kind: 'metrics', points: points.filter(({ value }) => Number.isFinite(value)) })
    },
    log: (level, text) => supervisor.send({ kind: 'log', level, text }),
    checkpoint({ manifest, dir, files, saveSeconds }) {
      supervisor.send({ kind: 'checkpoint', checkpoint: { manifest, dir, files: { ...files }, saveSeconds } })
    },
  }
}

function progressOf({ position, stageName, totalSteps, ...rest }: FoldProgress): Progress {
  const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null)
  return {
    step: position.step,
    epoch: position.epoch,
    stage: stageName,
    totalSteps,
    loss: finite(rest.loss),
    lr: finite(rest.lr),
    imagesPerSecond: finite(rest.imagesPerSecond),
    etaSeconds: finite(rest.etaSeconds),
  }
}

function outcomeOf(outcome: FoldOutcome): Outcome {
  if (outcome.kind !== 'completed') return { kind: outcome.kind }
  const { oof, test, weights, position } = outcome
  return { kind: 'completed', step: position.step, oof, test, weights }
}

await serveSupervisor(train)
