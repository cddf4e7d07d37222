import type { Referrer } from '@baton/core'
import { Prisma } from '../generated/client.ts'

/**
 * A query for the kinds of rows that name an object: what must be asked before an object is removed. A new column that
 * names an object belongs here.
 *
 * @param digest The object, as an expression of the query around this one: with its table, as the rows looked at have
 *   a `digest` of their own.
 * @param leavingOut Ids of checkpoints that do not count.
 * @returns Rows of one column, `kind`.
 */
export function referrersOf(digest: Prisma.Sql, leavingOut: readonly string[] = []): Prisma.Sql {
  const named = Prisma.sql`jsonb_build_array(jsonb_build_object('digest', ${digest}))`
  const where: Readonly<Record<Referrer, Prisma.Sql>> = {
    artifact: Prisma.sql`SELECT 1 FROM artifact a WHERE a.digest = ${digest}`,
    checkpoint: Prisma.sql`
      SELECT 1 FROM checkpoint c WHERE c.id <> ALL(${leavingOut}::uuid[])
        AND (c.digest = ${digest} OR c.manifest->'files' @> ${named})`,
    fold: Prisma.sql`
      SELECT 1 FROM fold f
      WHERE ${digest} IN (f.result->'oof'->>'digest', f.result->'test'->>'digest', f.result->'weights'->>'digest')`,
    experiment: Prisma.sql`
      SELECT 1 FROM experiment e WHERE e.test_predictions->>'digest' = ${digest} OR e.inputs @> ${named}`,
    submission: Prisma.sql`
      SELECT 1 FROM submission s WHERE s.file_digest = ${digest} OR s.options->>'template' = ${digest}`,
    'code bundle': Prisma.sql`SELECT 1 FROM code_bundle b WHERE b.digest = ${digest}`,
    'dataset version': Prisma.sql`SELECT 1 FROM dataset_version d WHERE d.manifest = ${digest} OR d.shards @> ${named}`,
  }
  const each = Object.entries(where).map(
    ([kind, rows]) => Prisma.sql`SELECT ${kind}::text AS kind WHERE EXISTS (${rows})`,
  )
  return Prisma.join(each, ' UNION ALL ')
}

/** A query for those of these objects that no row names, as `digest`. */
export function unnamedAmong(digests: readonly string[]): Prisma.Sql {
  return Prisma.sql`
    SELECT wanted.digest FROM unnest(${digests}::text[]) AS wanted(digest)
    WHERE NOT EXISTS (${referrersOf(Prisma.sql`wanted.digest`)})`
}
