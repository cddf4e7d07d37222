import { decodeCursor, pageOf } from '@baton/core'
import type { Page, PageRequest } from '@baton/core'

interface Dated {
  readonly id: string
  readonly createdAt: Date
}

const order = 'newest'

/**
 * A page of rows that are listed newest first, by `created_at` and then `id`.
 *
 * @param read Reads rows in that order, those that `where` is about.
 */
export async function newestFirst<Row extends Dated, Item>(
  { cursor, limit }: PageRequest,
  itemOf: (row: Row) => Item,
  read: (part: { where: object; orderBy: [{ createdAt: 'desc' }, { id: 'desc' }]; take: number }) => Promise<Row[]>,
): Promise<Page<Item>> {
  const after = decodeCursor(order, cursor, ['moment', 'id'])
  const [createdAt, id] = (after ?? []) as string[]
  // Said as one bound and an exception, which an index on both columns serves; "older, or as old and smaller" it does not.
  const where = after ? { createdAt: { lte: createdAt }, NOT: { createdAt, id: { gte: id } } } : {}
  const rows = await read({ where, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: limit + 1 })
  return pageOf(rows, limit, { order, keyOf: (row) => [row.createdAt.toISOString(), row.id], itemOf })
}
