import path from 'node:path'
import type { NamedTensor } from '../models/model.ts'
import { isMineTensor } from '../data/mining.ts'
import { breathe } from '../fold/interrupts.ts'
import type { Snapshot } from '../step/stage-state.ts'
import { isWeight } from '../step/state-names.ts'
import { copyMs } from './copy-snapshot.ts'
import type { CheckpointWriter } from './checkpoint-writer.ts'
import type { BestWeights, CheckpointContent, Frozen, SavedCheckpoint } from './save-checkpoint.ts'

type Manifest = CheckpointContent['manifest']

export interface KeepCheckpoints {
  readonly writer: CheckpointWriter
  /** Checkpoints are folders in here. */
  readonly workDir: string
  readonly everySeconds: number
  readonly clock: { now(): number }
  /** The training as it stands. */
  readonly manifest: () => Manifest
  /** As it is now. */
  readonly snapshot: () => TrainingSnapshot
  /** What the training resumed from: it need not be saved again. */
  readonly resumed: Manifest | null
  readonly onSaved: (saved: SavedCheckpoint & { saveSeconds: number }) => void | Promise<void>
}

export interface CheckpointKeeper {
  /**
   * Between two steps: starts a save if one is due or wished for and none is under way, or goes on with the one that is.
   * Takes `copyMs` and one part's copy at most. @throws what an earlier save failed with
   */
  saveIfDue(takeWish: () => boolean): void
  /** Waits until the training as it stands is saved. Returns at once where it is already. */
  save(): Promise<void>
  /** Waits for the save under way. */
  settled(): Promise<void>
}

/** A training as it was when this was taken. */
export interface TrainingSnapshot {
  /** All but what is frozen. */
  readonly tensors: Snapshot
  readonly frozen: Promise<Frozen>
  readonly best: BestWeights | null
}

/** A save whose tensors are still being copied. */
interface Copying extends TrainingSnapshot {
  readonly manifest: Manifest
  readonly copied: Map<string, NamedTensor>
  /** Spent on it so far. */
  ms: number
}

/** Saves one checkpoint at a time, so many seconds from the start of one to the start of the next. */
export function keepCheckpoints(options: KeepCheckpoints): CheckpointKeeper {
  const { writer, workDir, clock } = options
  let lastStartMs = clock.now()
  let lastKey = options.resumed && keyOf(options.resumed)
  let copying: Copying | null = null
  let writing: Promise<void> | null = null
  let failure: { readonly error: unknown } | null = null
  let saves = 0

  function begin(): void {
    lastStartMs = clock.now()
    const manifest = options.manifest()
    if (keyOf(manifest) === lastKey) return
    lastKey = keyOf(manifest)
    const snapshot = options.snapshot()
    // Its error is met once the rest is copied.
    snapshot.frozen.catch(() => undefined)
    copying = { manifest, ...snapshot, copied: new Map(), ms: 0 }
  }

  /** Copies for `copyMs`, and hands over to the writer once all is copied. */
  function copy(): void {
    if (!copying) return
    const startMs = clock.now()
    for (let passedMs = 0; passedMs < copyMs; passedMs = clock.now() - startMs) {
      const { value: part, done } = copying.tensors.next()
      if (part) copying.copied.set(...part)
      if (done) return handOver(copying, copying.ms + passedMs)
    }
    copying.ms += clock.now() - startMs
  }

  function handOver(whole: Copying, copyingMs: number): void {
    copying = null
    writing = write(whole, copyingMs)
      .catch((error: unknown) => {
        failure = { error }
      })
      .finally(() => {
        writing = null
      })
  }

  async function write({ manifest, frozen, best, copied }: Copying, copyingMs: number): Promise<void> {
    const startMs = clock.now()
    const isOfModel = (name: string) => isWeight(name) && !isMineTensor(name)
    const part = (ofModel: boolean) => new Map([...copied].filter(([name]) => isOfModel(name) === ofModel))
    const dir = path.join(workDir, `checkpoint-${++saves}-step-${manifest.position.step}`)
    const content = { manifest, weights: part(true), optimizer: part(false), frozen: await frozen, best }
    const saved = await writer.saveCheckpoint(dir, content)
    await options.onSaved({ ...saved, saveSeconds: (copyingMs + clock.now() - startMs) / 1000 })
  }

  async function settled(): Promise<void> {
    while (copying) {
      copy()
      await breathe()
    }
    await writing
    if (failure) throw failure.error
  }

  return {
    settled,
    saveIfDue(takeWish) {
      if (failure) throw failure.error
      if (writing) return
      const isDue = () => takeWish() || clock.now() - lastStartMs >= options.everySeconds * 1000
      if (!copying && isDue()) begin()
      copy()
    },
    async save() {
      await settled()
      begin()
      await settled()
    },
  }
}

/** Equal for checkpoints of equal content: all else is a function of these. */
function keyOf({ position, state }: Manifest): string {
  return JSON.stringify([position, state])
}
