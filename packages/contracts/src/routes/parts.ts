/** What rows of the route table share: who may call, what stands in addresses, lists. */
import { z } from 'zod'
import { filterLengthMax } from '../board/parse-filter.ts'
import { Id, Ordinal, Slug } from '../ids.ts'
import type { Role } from '../states.ts'

/** Runs the place: tokens, sessions, chats, providers. */
export const owners = ['owner'] as const satisfies readonly Role[]
/** Starts, steers and submits experiments. */
export const submitters = ['owner', 'submitter'] as const satisfies readonly Role[]
/** Reads. */
export const readers = ['owner', 'submitter', 'viewer'] as const satisfies readonly Role[]

export const project = z.object({ project: Slug })
export const experiment = z.object({ project: Slug, version: z.coerce.number().pipe(Ordinal) })
export const fold = z.object({ fold: Id })
export const session = z.object({ session: Id })
export const token = z.object({ token: Id })

export const LARGEST_PAGE = 200

/** Query of a list that is read page by page. `cursor` is what the page before named as its `nextCursor`. */
export const pageQuery = {
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(LARGEST_PAGE).default(50),
}
/** A page of a list; `nextCursor` is null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() })

/** Query of a list of experiments: which, in which order, with what of each. `docs/filters.md` has the grammar. */
export const boardQuery = {
  ...pageQuery,
  /** A filter: `cv > 0.6 AND model = 'resnet'`. */
  where: z.string().max(filterLengthMax).optional(),
  /** Columns with commas, `-` before one that descends: `-cv,version`. */
  sort: z.string().max(200).optional(),
  /** Columns with commas; the usual ones where it is left out. */
  fields: z.string().max(500).optional(),
  /** `csv` streams all rows from the cursor on, as `Accept: text/csv` does. */
  format: z.enum(['json', 'csv']).optional(),
}

/** A list that is short by its nature, whole. */
export const list = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item) })

/**
 * Query of a stream. A place is the `id` of an event of it; the header Last-Event-ID, which browsers send when they come
 * back, goes before it.
 */
export const streamQuery = z.object({
  /** Begins after this place; 0 is the beginning. Absent: with what comes from now on. */
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
})

/** Query of a feed that is followed by id. */
export const page = {
  after: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
}
