import { AppError, Id } from '@baton/contracts'

/** A part of a list, and where the next part begins; `nextCursor` is null when there is none. */
export interface Page<T> {
  readonly items: T[]
  readonly nextCursor: string | null
}

/** Which part of a list is wanted. */
export interface PageRequest {
  /** As an earlier page named it; absent: the first page. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/** The sort key of a list's row: what the next page begins after. */
export type CursorKey = readonly (string | number | null)[]

/**
 * Makes a page of rows that were read with one more than the limit, in the order of their keys.
 *
 * @param order Names the list's order, so that a cursor of another order is refused.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { order, keyOf, itemOf }: { order: string; keyOf: (row: Row) => CursorKey; itemOf: (row: Row) => Item },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items: shown.map(itemOf), nextCursor: hasMore ? encodeCursor(order, keyOf(last)) : null }
}

/** Opaque to callers: they send back what they were given. */
export function encodeCursor(order: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify([order, ...key])).toString('base64url')
}

type KeyType = 'string' | 'number' | 'moment' | 'id'

/**
 * The key that a cursor names; null for the first page.
 *
 * @param types What stands at each place of the key, `moment` and `id` being strings that the database can read; every
 *   place but the first may also be null.
 * @throws {AppError} `request-invalid` for what this list never gave out
 */
export function decodeCursor(order: string, cursor: string | undefined, types: readonly KeyType[]): CursorKey | null {
  if (cursor === undefined) return null
  const key = parse(cursor)
  const fits =
    Array.isArray(key) &&
    key.length === types.length + 1 &&
    key[0] === order &&
    types.every((type, i) => isOfType(type, key[i + 1]) || (i > 0 && key[i + 1] === null))
  if (!fits) {
    const fault = { pointer: '/cursor', detail: 'is not a cursor of this list and order; begin without one' }
    throw new AppError('request-invalid', {}, { faults: [fault] })
  }
  return key.slice(1) as CursorKey
}

function isOfType(type: KeyType, value: unknown): boolean {
  switch (type) {
    case 'moment':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value))
    case 'id':
      return Id.safeParse(value).success
    case 'string':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number'
  }
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
