import type { PictureKind } from '../augment/picture.ts'
import { giveBytes } from './byte-budget.ts'
import type { ByteBudget } from './byte-budget.ts'
import { notKept, placeNumbers } from './picture-maker.ts'
import type { Fact, MadePart, PictureJob, Place } from './picture-maker.ts'

/** Where decoded pictures lie that makers keep, as many as the budget allows: those that come first. */
export interface PictureCache {
  /** The table of places that a job needs. A picture is asked to be kept by one job at a time. [n, 4] */
  placesFor(samples: Int32Array, kind: PictureKind): Float64Array
  /** Takes over what makers kept of a job that is done. @returns What all makers have to know from now on */
  take(job: Pick<PictureJob, 'samples' | 'places'>, kind: PictureKind, parts: readonly MadePart[]): Fact[]
  /** Lets go of pictures of any other kind. No job that may read them is under way. @returns What makers have to know */
  keepOnly(kinds: readonly PictureKind[]): Fact[]
}

/** Of one kind. */
interface Shelf {
  /** By sample; null while it is being decoded. */
  readonly places: Map<number, Place | null>
  readonly arenas: { readonly number: number; readonly bytes: number }[]
}

/** @param repeated Samples whose pictures will be asked for again. */
export function createPictureCache(repeated: Int32Array, budget: ByteBudget): PictureCache {
  const isRepeated = new Set(repeated)
  const shelves = new Map<PictureKind, Shelf>()
  let arenas = 0

  function shelfOf(kind: PictureKind): Shelf {
    const shelf = shelves.get(kind) ?? { places: new Map<number, Place | null>(), arenas: [] }
    shelves.set(kind, shelf)
    return shelf
  }

  return {
    placesFor(samples, kind) {
      const { places } = shelfOf(kind)
      const table = new Float64Array(samples.length * placeNumbers)
      samples.forEach((sample, row) => {
        const place = places.get(sample)
        if (place) table.set([place.arena, place.offset, place.width, place.height], row * placeNumbers)
        else {
          const isWanted = place === undefined && isRepeated.has(sample)
          table[row * placeNumbers] = isWanted ? notKept.keep : notKept.decode
          if (isWanted) places.set(sample, null)
        }
      })
      return table
    },

    take({ samples, places }, kind, parts) {
      const shelf = shelfOf(kind)
      const facts = parts.flatMap(({ kept }): Fact[] => {
        if (kept === null) return []
        const arena = arenas++
        shelf.arenas.push({ number: arena, bytes: kept.memory.byteLength })
        for (const { sample, ...place } of kept.pictures) shelf.places.set(sample, { arena, ...place })
        return [{ kind: 'arena', arena, memory: kept.memory }]
      })
      // What did not fit may be tried again.
      samples.forEach((sample, row) => {
        const wasWanted = places[row * placeNumbers] === notKept.keep
        if (wasWanted && shelf.places.get(sample) === null) shelf.places.delete(sample)
      })
      return facts
    },

    keepOnly(kinds) {
      return [...shelves].flatMap(([kind, shelf]) => {
        if (kinds.includes(kind)) return []
        shelves.delete(kind)
        return shelf.arenas.map(({ number, bytes }): Fact => {
          giveBytes(budget, bytes)
          return { kind: 'forget', arena: number }
        })
      })
    },
  }
}
