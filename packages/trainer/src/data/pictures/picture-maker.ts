import { augmentBy, takenBy } from '../augment/augment-plan.ts'
import type { Augment, AugmentPlan } from '../augment/augment-plan.ts'
import type { Scope } from '../augment/draws.ts'
import type { Picture } from '../augment/picture.ts'
import { decodeImage, decodeOriginal } from '../decode/decode-image.ts'
import type { DecodeSpec } from '../decode/decode-image.ts'
import { takeBytes } from './byte-budget.ts'
import type { ByteBudget } from './byte-budget.ts'
import { remembering } from '../remembering.ts'
import { readSample } from './read-sample.ts'
import type { SampleTable } from './sample-table.ts'

/** What is made of each picture: as many squares as there are views, each by its plan and scope. */
export interface View {
  readonly plan: AugmentPlan
  /** Of a sample's first turn; a later one is augmented another way. */
  readonly scope: Scope
}

/** Pictures to be made together, by one maker or several at once: who is free takes the next row. */
export interface PictureJob {
  /** Indexes in the manifest. [n] */
  readonly samples: Int32Array
  /** How often each sample came before, where it comes several times. [n] */
  readonly turns: Int32Array
  /** All of them take the same kind of picture. [views] */
  readonly views: readonly View[]
  /** Of each sample where its decoded picture lies, by `placed`. [n, 4] */
  readonly places: Float64Array
  /** In shared memory, the first row that nobody has begun; from n on nothing more is begun. [1] */
  readonly next: Int32Array
  /** In shared memory, what is made: RGB, each sample's views together. [n · views, size, size, 3] */
  readonly images: Uint8Array
}

/** A decoded picture in memory that makers share. */
export interface Place {
  /** Number of the piece of memory. */
  readonly arena: number
  /** In bytes. */
  readonly offset: number
  readonly width: number
  readonly height: number
}

/** Numbers in the table of places. */
export const placeNumbers = 4
/** In place of an arena's number: the picture is to be decoded; it is to be kept, too, where memory allows. */
export const notKept = { decode: -1, keep: -2 }

/** What a maker did of a job. */
export interface MadePart {
  /** Pictures that it decoded and keeps, in memory of their own. */
  readonly kept: { readonly memory: SharedArrayBuffer; readonly pictures: readonly KeptPicture[] } | null
  /** Of several the one of the lowest row. */
  readonly failure: RowFailure | null
}

export interface KeptPicture extends Omit<Place, 'arena'> {
  readonly sample: number
}

export interface RowFailure {
  readonly row: number
  readonly error: unknown
  /** Whether the sample's bytes are to blame. */
  readonly isBroken: boolean
}

/** What a maker has to know before it is given work that needs it. */
export type Fact =
  | { readonly kind: 'shard'; readonly shard: number; readonly descriptor: number }
  | { readonly kind: 'arena'; readonly arena: number; readonly memory: SharedArrayBuffer }
  | { readonly kind: 'forget'; readonly arena: number }

/** Makes pictures: in this thread, or in one of its own. */
export interface PictureMaker {
  learn(facts: readonly Fact[]): void
  /**
   * Makes what nobody else makes of the job. After a failure nothing more of the job is begun; what is under way ends
   * before this settles.
   */
  make(job: PictureJob): Promise<MadePart>
  /** All that was asked for must have settled. */
  close(): Promise<void>
}

export interface MakerOptions {
  readonly samples: SampleTable
  readonly image: Omit<DecodeSpec, 'size'>
  /** For decoded pictures. */
  readonly budget: ByteBudget
  /** Pictures in work at once: while some are read and decoded elsewhere, others are augmented here. */
  readonly atOnce: number
}

/** A job as far as it concerns this maker. */
interface Work {
  readonly job: PictureJob
  /** Of each view, in a sample's n-th turn. */
  readonly augmentsIn: (turn: number) => readonly Augment[]
  readonly kept: { readonly sample: number; readonly picture: Picture }[]
  readonly settle: (part: MadePart) => void
  /** Rows under way. */
  busy: number
  failure: RowFailure | null
}

/** After so long the thread looks at what has arrived meanwhile. */
const breatheEveryMs = 5

/** @param beforeEach Called before each picture; what it throws ends the job. */
export function createPictureMaker(options: MakerOptions, beforeEach: () => void = () => undefined): PictureMaker {
  const { samples, image, budget, atOnce } = options
  const descriptors = new Map<number, number>()
  const arenas = new Map<number, SharedArrayBuffer>()
  /** Of which rows may be left to begin, oldest first. */
  const works: Work[] = []
  const augmentsOf = remembering(augmentsByTurn, JSON.stringify)
  let lanes = 0
  let breathedMs = performance.now()

  function learn(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'shard') descriptors.set(fact.shard, fact.descriptor)
      else if (fact.kind === 'arena') arenas.set(fact.arena, fact.memory)
      else arenas.delete(fact.arena)
    }
  }

  /** Takes row after row of the oldest work until there is none. */
  async function lane(): Promise<void> {
    lanes++
    for (let work = works[0]; work; work = works[0]) {
      const row = Atomics.add(work.job.next, 0, 1)
      if (row < work.job.samples.length) await makeRow(work, row)
      else works.shift()
      if (work.busy === 0 && !works.includes(work)) work.settle(resultOf(work))
      if (performance.now() - breathedMs > breatheEveryMs) await breathe()
    }
    lanes--
  }

  async function breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    breathedMs = performance.now()
  }

  async function makeRow(work: Work, row: number): Promise<void> {
    work.busy++
    try {
      beforeEach()
      await writeRow(work, row)
    } catch (error) {
      // Nothing more is begun, by nobody.
      Atomics.store(work.job.next, 0, work.job.samples.length)
      const isBroken = error instanceof BrokenSample
      const failure = { row, error: isBroken ? error.cause : error, isBroken }
      if (work.failure === null || row < work.failure.row) work.failure = failure
    } finally {
      work.busy--
    }
  }

  async function writeRow({ job, augmentsIn, kept }: Work, row: number): Promise<void> {
    const sample = job.samples[row]!
    const augments = augmentsIn(job.turns[row]!)
    const place = placed(job.places, row)
    const picture = place.arena >= 0 ? pictureAt(arenas.get(place.arena)!, place) : await decode(sample, job.views[0]!)
    if (place.arena === notKept.keep && takeBytes(budget, picture.data.length)) kept.push({ sample, picture })
    const imageBytes = job.images.length / (job.samples.length * augments.length)
    for (const [view, augment] of augments.entries())
      job.images.set(augment(picture, sample).data, (row * augments.length + view) * imageBytes)
  }

  async function decode(index: number, { plan }: View): Promise<Picture> {
    const kind = takenBy(plan)
    try {
      const bytes = await readSample(descriptors, samples, index)
      return await (kind === 'original' ? decodeOriginal(bytes, image) : decodeImage(bytes, { ...image, size: kind }))
    } catch (cause) {
      throw new BrokenSample(cause)
    }
  }

  return {
    learn,
    make(job) {
      return new Promise((settle) => {
        works.push({ job, augmentsIn: augmentsOf(job.views), kept: [], settle, busy: 0, failure: null })
        for (let idle = atOnce - lanes; idle > 0; idle--) void lane()
      })
    },
    close: () => Promise.resolve(),
  }
}

function augmentsByTurn(views: readonly View[]): Work['augmentsIn'] {
  const known: Augment[][] = []
  return (turn) =>
    (known[turn] ??= views.map(({ plan, scope }) => augmentBy(plan, turn === 0 ? scope : [...scope, turn])))
}

class BrokenSample extends Error {
  constructor(cause: unknown) {
    super('a sample cannot be read or decoded', { cause })
  }
}

/** What stands in a table of places about a row. */
function placed(places: Float64Array, row: number): Place {
  const at = row * placeNumbers
  return { arena: places[at]!, offset: places[at + 1]!, width: places[at + 2]!, height: places[at + 3]! }
}

function pictureAt(memory: SharedArrayBuffer, { offset, width, height }: Place): Picture {
  return { width, height, data: new Uint8Array(memory, offset, width * height * 3) }
}

function resultOf({ kept, failure }: Work): MadePart {
  return { kept: kept.length === 0 ? null : gathered(kept), failure }
}

/** The pictures in one piece of shared memory. */
function gathered(kept: Work['kept']): MadePart['kept'] {
  const memory = new SharedArrayBuffer(kept.reduce((sum, { picture }) => sum + picture.data.length, 0))
  const all = new Uint8Array(memory)
  let offset = 0
  const pictures = kept.map(({ sample, picture: { width, height, data } }) => {
    const place = { sample, offset, width, height }
    all.set(data, offset)
    offset += data.length
    return place
  })
  return { memory, pictures }
}
