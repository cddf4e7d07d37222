import { AppError, Count, Id, Moment } from '@baton/contracts'

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

/** What may stand at a place of a sort key. A cursor that somebody made up must not reach the database as anything else. */
const keyParts = {
  // PostgreSQL holds neither NUL nor half a character.
  string: (part: unknown) => typeof part === 'string' && !/[\0\p{Surrogate}]/u.test(part),
  number: (part: unknown) => Number.isFinite(part),
  int: (part: unknown) => Count.safeParse(part).success,
  id: (part: unknown) => Id.safeParse(part).success,
  // PostgreSQL has no year 0, and nothing of ours is from before this century.
  moment: (part: unknown) => Moment.safeParse(part).success && (part as string) >= '2000',
} as const satisfies Record<string, (part: unknown) => boolean>
export type KeyPart = keyof typeof keyParts

/**
 * The key that a cursor names; null for the first page.
 *
 * @param types What stands at each place of the key, `moment` and `id` being strings that the database can read; every
 *   place but the first may also be null.
 * @throws {AppError} `request-invalid` for what this list never gave out
 */
export function decodeCursor(order: string, cursor: string | undefined, types: readonly KeyPart[]): CursorKey | null {
  if (cursor === undefined) return null
  const key = parse(cursor)
  const fits =
    Array.isArray(key) &&
    key.length === types.length + 1 &&
    key[0] === order &&
    types.every((type, i) => keyParts[type](key[i + 1]) || (i > 0 && key[i + 1] === null))
  if (!fits) {
    const fault = { pointer: '/cursor', detail: 'is not a cursor of this list and order; begin without one' }
    throw new AppError('request-invalid', {}, { faults: [fault] })
  }
  return key.slice(1) as CursorKey
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
