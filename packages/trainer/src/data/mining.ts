import { AppError } from '@baton/contracts'
import type { MineSpec } from '@baton/contracts'
import type { NamedTensor, NamedTensors } from '../models/model.ts'

/** Losses of the epoch under way, and what of the epoch before comes twice in it. Part of a checkpoint. */
export interface Mining {
  /** Indexes in the manifest of samples that the epoch has twice. */
  again(): Int32Array
  /** After a step. @param losses Of each of the samples; of a sample that comes twice the later counts */
  record(samples: Int32Array, losses: Float32Array): void
  /** After the last step of an epoch: from its losses follows what the next one has twice. */
  endEpoch(): void
  /** A copy of all that later epochs depend on. */
  state(): NamedTensors
  /** Takes up a state of `state`. @throws {AppError} `checkpoint-corrupt` */
  restore(state: NamedTensors): void
}

const names = { losses: 'mine/losses', again: 'mine/again' }

/** Whether a tensor of a training's state is mining's. */
export function isMineTensor(name: string): boolean {
  return Object.values(names).includes(name)
}

/** Of a sample that the epoch did not have: last in every ranking. */
const unseen = -Infinity

/**
 * Hard-negative mining: of an epoch's samples, the `share` of the train samples whose loss was highest, ties by the
 * lower index, comes again in the next one.
 *
 * @param samples Train samples of the fold, ascending.
 */
export function createMining({ share }: MineSpec, samples: Int32Array): Mining {
  const most = Math.round(share * samples.length)
  const rowOf = new Map(Array.from(samples, (sample, row) => [sample, row]))
  let losses = new Float32Array(samples.length).fill(unseen)
  let again = new Int32Array()
  return {
    again: () => again,
    record(own, ownLosses) {
      own.forEach((sample, i) => (losses[rowOf.get(sample)!] = ownLosses[i]!))
    },
    endEpoch() {
      again = hardest(losses, most).map((row) => samples[row]!)
      losses = new Float32Array(samples.length).fill(unseen)
    },
    state: () =>
      new Map([
        [names.losses, { shape: [losses.length], data: losses.slice() }],
        // Whole numbers below 2^24 are exact.
        [names.again, { shape: [again.length], data: Float32Array.from(again, (sample) => rowOf.get(sample)!) }],
      ]),
    restore(state) {
      const [saved, rows] = [read(state, names.losses), read(state, names.again)]
      if (saved.data.length !== samples.length || rows.data.some((row) => samples[row] === undefined))
        throw corrupt('the losses of the checkpoint are of other samples')
      losses = saved.data.slice()
      again = Int32Array.from(rows.data, (row) => samples[row]!)
    },
  }
}

/** Rows of the highest losses, highest first. */
function hardest(losses: Float32Array, most: number): Int32Array {
  const rows = Int32Array.from(losses.keys()).filter((row) => losses[row] !== unseen)
  return rows.sort((a, b) => losses[b]! - losses[a]! || a - b).slice(0, most)
}

function read(state: NamedTensors, name: string): NamedTensor {
  const tensor = state.get(name)
  if (!tensor) throw corrupt(`${name} is missing from the state`)
  return tensor
}

function corrupt(detail: string): AppError {
  return new AppError('checkpoint-corrupt', {}, { detail })
}
