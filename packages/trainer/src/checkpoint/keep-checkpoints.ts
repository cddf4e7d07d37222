import path from 'node:path'
import { saveCheckpoint } from './save-checkpoint.ts'
import type { CheckpointContent, SavedCheckpoint } from './save-checkpoint.ts'
import type { TensorWriter } from './tensor-writer.ts'

export interface KeepCheckpoints {
  readonly writer: TensorWriter
  /** Checkpoints are folders in here. */
  readonly workDir: string
  readonly everySeconds: number
  readonly clock: { now(): number }
  /** A copy of the training as it stands: what is being saved does not change with the next step. */
  readonly content: () => CheckpointContent
  /** What the training resumed from: it need not be saved again. */
  readonly resumed: CheckpointContent['manifest'] | null
  readonly onSaved: (saved: SavedCheckpoint & { saveSeconds: number }) => void
}

export interface CheckpointKeeper {
  /** Starts a save if one is due or wished for, and none is under way. Never waits. @throws what an earlier save failed with */
  saveIfDue(takeWish: () => boolean): void
  /** Waits until the training as it stands is saved. Returns at once where it is already. */
  save(): Promise<void>
  /** Waits for the save under way. */
  settled(): Promise<void>
}

/** Saves one checkpoint at a time, so many seconds from the start of one to the start of the next. */
export function keepCheckpoints(options: KeepCheckpoints): CheckpointKeeper {
  const { writer, workDir, clock } = options
  let lastStartMs = clock.now()
  let lastKey = options.resumed && keyOf(options.resumed)
  let underWay: Promise<void> | null = null
  let failure: { readonly error: unknown } | null = null
  let saves = 0

  async function write(content: CheckpointContent): Promise<void> {
    const dir = path.join(workDir, `checkpoint-${++saves}-step-${content.manifest.position.step}`)
    const saved = await saveCheckpoint(writer, dir, content)
    options.onSaved({ ...saved, saveSeconds: (clock.now() - lastStartMs) / 1000 })
  }

  function start(): void {
    lastStartMs = clock.now()
    const content = options.content()
    const key = keyOf(content.manifest)
    if (key === lastKey) return
    lastKey = key
    underWay = write(content)
      .catch((error: unknown) => {
        failure = { error }
      })
      .finally(() => {
        underWay = null
      })
  }

  async function settled(): Promise<void> {
    await underWay
    if (failure) throw failure.error
  }

  return {
    settled,
    saveIfDue(takeWish) {
      if (failure) throw failure.error
      if (underWay) return
      if (takeWish() || clock.now() - lastStartMs >= options.everySeconds * 1000) start()
    },
    async save() {
      await settled()
      start()
      await settled()
    },
  }
}

/** Equal for checkpoints of equal content: all else is a function of these. */
function keyOf({ position, state }: CheckpointContent['manifest']): string {
  return JSON.stringify([position, state])
}
