import type { Client } from 'pg'

/** A table of Baton's own. */
export interface Table {
  readonly name: string
  /** Those that are stored; what the database derives it derives again. */
  readonly columns: readonly string[]
  /** The select that COPY reads: rows in an order that every server agrees on. */
  readonly select: string
}

/** The embedded S3's tables: objects are restored through storage, so these say where they lie on that machine. */
const isOfStorage = `c.relname LIKE 's3\\_%'`

/** Whatever the server's and the role's settings are, the same rows make the same bytes. */
const settings = [
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO, YMD'",
  "IntervalStyle = 'postgres'",
  "bytea_output = 'hex'",
  'extra_float_digits = 1',
  "client_encoding = 'UTF8'",
  'search_path = public',
  // Both take as long as they take.
  'statement_timeout = 0',
  'idle_in_transaction_session_timeout = 0',
]

export async function prepareSession(client: Client): Promise<void> {
  await client.query(settings.map((setting) => `SET ${setting}`).join(';'))
}

/** The tables that are backed up, by name. Migrations stand in the manifest; the queue's schema is made again. */
export async function listTables(client: Client): Promise<Table[]> {
  const { rows } = await client.query<{ name: string; columns: string[]; key: { name: string; isText: boolean }[] }>(`
    SELECT c.relname AS name,
      (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      (SELECT json_agg(json_build_object('name', a.attname, 'isText', a.attcollation <> 0) ORDER BY k.place)
       FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place), pg_attribute a
       WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum) AS key
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> '_prisma_migrations' AND NOT ${isOfStorage}
    ORDER BY c.relname COLLATE "C"`)
  return rows.map(({ name, columns, key }) => {
    const order = key.map((column) => `${quote(column.name)}${column.isText ? ' COLLATE "C"' : ''}`)
    return {
      name,
      columns,
      select: `SELECT ${columns.map(quote).join(', ')} FROM ${quote(name)} ORDER BY ${order.join(', ')}`,
    }
  })
}

/** Sequences behind those tables, with the last value that each gave; one that gave none is left out. */
export async function listSequences(client: Client): Promise<{ name: string; value: string }[]> {
  const { rows } = await client.query<{ name: string; value: string }>(`
    SELECT s.sequencename AS name, s.last_value::text AS value FROM pg_sequences s
    JOIN pg_class q ON q.relname = s.sequencename AND q.relnamespace = 'public'::regnamespace
    JOIN pg_depend d ON d.objid = q.oid AND d.deptype IN ('a', 'i') JOIN pg_class c ON c.oid = d.refobjid
    WHERE s.schemaname = 'public' AND s.last_value IS NOT NULL AND NOT ${isOfStorage}
    ORDER BY s.sequencename COLLATE "C"`)
  return rows
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
