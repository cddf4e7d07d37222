import { removeUnnamed } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'

/** The newest is resumed from; the one before it is there should the newest prove unreadable. */
const keep = 2
/** A finished fold's checkpoints are kept a day, for those who want to look. */
const finalSeconds = 86_400
const batch = 100

/**
 * Removes checkpoints that no resume needs. Rows go first: a crash in between leaves objects nobody names, never a
 * row that names nothing. Objects that another checkpoint or result shares stay.
 *
 * @returns How many checkpoints were removed.
 */
export async function retireCheckpoints({ store, blobs }: { store: Store; blobs: BlobStore }): Promise<number> {
  let removed = 0
  for (;;) {
    const surplus = await store.folds.surplusCheckpoints({ keep, finalSeconds, limit: batch })
    if (surplus.length === 0) return removed
    const ids = surplus.map((checkpoint) => checkpoint.id)
    await removeUnnamed({ store, blobs }, await store.transaction(({ folds }) => folds.removeCheckpoints(ids)))
    removed += surplus.length
  }
}
