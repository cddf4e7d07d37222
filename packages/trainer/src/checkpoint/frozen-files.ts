import path from 'node:path'
import { isWeight } from '../step/state-names.ts'
import type { StageProgram } from '../step/stage-program.ts'
import type { CheckpointWriter } from './checkpoint-writer.ts'
import { copySnapshot } from './copy-snapshot.ts'
import type { Frozen } from './save-checkpoint.ts'
import type { LocalFile } from './write-tensors.ts'

/** What a stage leaves as it is, as files: written once, and the same bytes in all of the stage's checkpoints. */
export interface FrozenFiles {
  /** Whether a tensor of the state is in one of them. */
  has(name: string): boolean
  /** The files, written when they are first asked for. */
  files(): Promise<Frozen>
}

interface FrozenFilesOptions {
  /** Of the stage, its state taken up. */
  readonly program: Pick<StageProgram, 'isFrozen' | 'snapshot'>
  readonly writer: Pick<CheckpointWriter, 'writeTensors'>
  /** Where they are written. */
  readonly dir: string
  /** Tells one stage's files from another's. */
  readonly stage: number
  readonly clock: { now(): number }
  /** Those that a checkpoint of this stage came with; null: none. */
  readonly known: Frozen | null
}

export function frozenFiles({ program, writer, dir, stage, clock, known }: FrozenFilesOptions): FrozenFiles {
  let files: Promise<Frozen> | null = known && Promise.resolve(known)

  async function write(): Promise<Frozen> {
    const copied = [...(await copySnapshot(program.snapshot(program.isFrozen), clock))]
    const part = async (name: keyof Frozen, ofModel: boolean): Promise<Record<string, LocalFile>> => {
      const tensors = new Map(copied.filter(([tensor]) => isWeight(tensor) === ofModel))
      const file = path.join(dir, `frozen-${name}-${stage}.safetensors`)
      return tensors.size === 0 ? {} : { [name]: await writer.writeTensors(file, tensors) }
    }
    return { ...(await part('weights', true)), ...(await part('optimizer', false)) }
  }

  return {
    has: program.isFrozen,
    // The state is taken in this call: the program may be another stage's by the time it is copied.
    files: () => (files ??= write()),
  }
}
