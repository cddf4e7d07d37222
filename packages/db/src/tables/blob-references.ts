import type { Referrer } from '@baton/core'
import { Prisma } from '../generated/client.ts'

/**
 * A query for the kinds of rows that name an object: what must be asked before an object is removed. A new column that
 * names an object belongs here.
 *
 * @param digest The object, as an expression of the query around this one.
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
