import type { Blob } from '@baton/contracts'
import type { Client } from 'pg'

/**
 * Digests of the objects that rows cannot do without. The snapshot that reads them is that of the rows.
 *
 * Columns whose name ends with `digest` are found by it, so a table that comes later is not forgotten; the others are named.
 */
export async function readReferred(client: Client): Promise<string[]> {
  const { rows: columns } = await client.query<{ table: string; column: string }>(`
    SELECT format('%I', table_name) AS table, format('%I', column_name) AS column FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name ~ '(^|_)digest$' AND column_name <> 'spec_digest' AND data_type = 'text'`)
  const { rows } = await client.query<{ digest: string }>(`
    SELECT DISTINCT digest FROM (
      ${columns.map(({ table, column }) => `SELECT ${column} AS digest FROM ${table} UNION ALL`).join('\n')}
      SELECT manifest FROM dataset_version
      UNION ALL SELECT shard->>'digest' FROM dataset_version, jsonb_array_elements(shards) AS shard
      UNION ALL SELECT file->>'digest' FROM checkpoint, jsonb_array_elements(manifest->'files') AS file
      UNION ALL SELECT part.value->>'digest' FROM fold, jsonb_each(result) AS part WHERE jsonb_typeof(result) = 'object'
      UNION ALL SELECT test_predictions->>'digest' FROM experiment
      UNION ALL SELECT input->>'digest' FROM experiment, jsonb_array_elements(inputs) AS input
    ) named WHERE digest IS NOT NULL`)
  return rows.map(({ digest }) => digest)
}

/** Gathers everything in text that could be an object's name. */
export function digestFinder(): { readonly found: Set<string>; readonly look: (text: string) => void } {
  const found = new Set<string>()
  return {
    found,
    look: (text) => {
      for (const [digest] of text.matchAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)) found.add(digest)
    },
  }
}

/**
 * The objects to keep: those that rows cannot do without, and whatever else they mention that storage holds. What
 * storage holds beyond that, nobody names.
 */
export async function chooseObjects(
  stored: AsyncIterable<Blob>,
  referred: readonly string[],
  mentioned: ReadonlySet<string>,
): Promise<{ objects: Blob[]; missing: string[] }> {
  const needed = new Set(referred)
  const objects: Blob[] = []
  for await (const blob of stored) if (needed.delete(blob.digest) || mentioned.has(blob.digest)) objects.push(blob)
  return { objects: objects.sort((a, b) => (a.digest < b.digest ? -1 : 1)), missing: [...needed].sort() }
}
