import type { Checksum } from '../body/checksum.ts'
import type { Db } from '../db.ts'
import { afterPrefix, compareBytes, resumeAfter } from './order.ts'

/** A line of a listing: an object, or a prefix that stands for all keys that begin with it. */
export type Entry =
  | { readonly kind: 'prefix'; readonly name: string }
  | {
      readonly kind: 'object'
      readonly name: string
      readonly etag: string
      readonly sizeBytes: number
      readonly checksum: Checksum
      readonly modifiedAt: Date
    }

export interface Scan {
  readonly bucket: string
  readonly prefix: string
  readonly delimiter: string
  /** Names up to this one, and what it stands for if it is a common prefix, were listed before. */
  readonly after: string | undefined
  readonly limit: number
}

interface Row {
  name: string
  is_prefix: boolean
  etag: string
  size_bytes: string
  checksum: Checksum
  modified_at: Date
}

/**
 * A bucket's entries in byte order. With a delimiter, keys under a common prefix are stepped over by the index and not
 * read: listing a folder costs its entries, not what lies below them.
 */
export async function scanEntries(db: Db, scan: Scan): Promise<Entry[]> {
  const start = startOf(scan)
  if (start === null || scan.limit === 0) return []
  const end = afterPrefix(scan.prefix)
  const { rows } =
    scan.delimiter === ''
      ? await db.query<Row>(plainSql(end !== null), withEnd([scan.bucket, start, scan.limit], end))
      : await db.query<Row>(
          foldedSql(end !== null),
          withEnd([scan.bucket, start, scan.limit, scan.prefix, scan.delimiter, lastCharAfter(scan.delimiter)], end),
        )
  return rows.map(toEntry)
}

/** The first name to list, or null where nothing can come. */
function startOf({ prefix, delimiter, after }: Scan): string | null {
  if (after === undefined) return prefix
  const resumed = resumeAfter(after, prefix, delimiter)
  return resumed !== null && compareBytes(resumed, prefix) < 0 ? prefix : resumed
}

const withEnd = (values: unknown[], end: string | null) => (end === null ? values : [...values, end])
const lastCharAfter = (delimiter: string) => afterPrefix(Array.from(delimiter).at(-1)!)

const plainSql = (bounded: boolean) => `
  SELECT key AS name, false AS is_prefix, etag, size_bytes, checksum, modified_at
  FROM s3_object WHERE bucket = $1 AND key >= $2 ${bounded ? 'AND key < $4' : ''} ORDER BY key LIMIT $3`

/**
 * Each step takes the first key at or above the cursor and moves the cursor behind it, or behind all that share its
 * common prefix: the prefix with its last character replaced by the next one.
 */
const foldedSql = (bounded: boolean) => `
  WITH RECURSIVE walk AS (
    SELECT 0 AS n, $2::text COLLATE "C" AS cursor, NULL::text COLLATE "C" AS name, false AS is_prefix,
      NULL::text AS etag, NULL::bigint AS size_bytes, NULL::jsonb AS checksum, NULL::timestamptz AS modified_at
    UNION ALL
    SELECT n + 1,
      CASE WHEN cut > 0 THEN left(key, length($4) + cut + length($5) - 2) || $6 ELSE key || chr(1) END COLLATE "C",
      CASE WHEN cut > 0 THEN left(key, length($4) + cut + length($5) - 1) ELSE key END COLLATE "C",
      cut > 0, found.etag, found.size_bytes, found.checksum, found.modified_at
    FROM walk, LATERAL (
      SELECT o.*, position($5 IN substr(o.key, length($4) + 1)) AS cut
      FROM s3_object o
      WHERE o.bucket = $1 AND o.key >= walk.cursor ${bounded ? 'AND o.key < $7' : ''}
      ORDER BY o.key LIMIT 1
    ) found
    WHERE n < $3
  )
  SELECT name, is_prefix, etag, size_bytes, checksum, modified_at FROM walk WHERE n > 0 ORDER BY n`

function toEntry(row: Row): Entry {
  if (row.is_prefix) return { kind: 'prefix', name: row.name }
  const { name, etag, checksum } = row
  return { kind: 'object', name, etag, sizeBytes: Number(row.size_bytes), checksum, modifiedAt: row.modified_at }
}
