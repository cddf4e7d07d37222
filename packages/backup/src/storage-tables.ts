import type { Client } from 'pg'
import { quote } from './tables.ts'

/** In the order in which rows refer to each other. */
const names = ['s3_bucket', 's3_object', 's3_upload', 's3_part']
const aside = 'baton_restore'

/**
 * Makes the schema anew, and carries over where an embedded store's objects lie: those belong to this machine's disk,
 * not to the backup. The queue's schema goes too: what it holds speaks of folds that are no more.
 *
 * @param rebuild Applies the migrations.
 */
export async function moveStorageTables(client: Client, rebuild: () => Promise<void>): Promise<void> {
  await client.query(`CREATE SCHEMA ${aside}`)
  for (const name of names) await client.query(`ALTER TABLE IF EXISTS public.${name} SET SCHEMA ${aside}`)
  await client.query('DROP SCHEMA public CASCADE')
  await client.query('DROP SCHEMA IF EXISTS bullmq CASCADE')
  await client.query('CREATE SCHEMA public')
  await rebuild()
  for (const name of names) await carryOver(client, name)
  await client.query(`DROP SCHEMA ${aside} CASCADE`)
}

async function carryOver(client: Client, name: string): Promise<void> {
  const { rows } = await client.query<{ column: string }>(
    `SELECT before.column_name AS column FROM information_schema.columns before
     JOIN information_schema.columns after USING (table_name, column_name)
     WHERE before.table_schema = $1 AND after.table_schema = 'public' AND table_name = $2`,
    [aside, name],
  )
  if (rows.length === 0) return
  const columns = rows.map(({ column }) => quote(column)).join(', ')
  await client.query(
    `INSERT INTO public.${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${aside}.${name}`,
  )
}
