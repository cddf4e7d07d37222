import { createTestDatabase, runSql } from '@baton/testing'
import { expect, test } from 'vitest'
import { schemaSql } from '../../scripts/schema-sql.mjs'

/** Columns, indexes and constraints of the tables that Prisma knows; the embedded S3 has tables of its own. */
const catalogue = `
  SELECT 'column' AS kind, table_name || '.' || column_name AS name,
    concat_ws(' ', udt_name, is_nullable, column_default, datetime_precision) AS what
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ '^(s3_|_prisma)'
  UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '^(s3_|_prisma)'
  UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'u') AND conrelid::regclass::text !~ '^(s3_|_prisma)'
  ORDER BY 1, 2`

test('the migrations make the database that the Prisma schema describes', async () => {
  const [described, migrated] = [await createTestDatabase({ empty: true }), await createTestDatabase()]
  await runSql(described.url, await schemaSql(described.url))
  expect(await runSql(migrated.url, catalogue)).toEqual(await runSql(described.url, catalogue))
  await Promise.all([described.drop(), migrated.drop()])
})
