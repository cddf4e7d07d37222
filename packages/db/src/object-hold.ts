import type { Client } from 'pg'
import { Prisma } from './generated/client.ts'

/** The key under which whoever forgets objects and whoever copies them keep out of each other's way. */
const objectHoldKey = 72_707_370

/**
 * Holds off the removal of objects until the session ends: what rows refer to from now on stays in storage. Waits for a
 * removal that is under way, whose rows are gone then.
 */
export async function holdObjects(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [objectHoldKey])
}

/**
 * A query for whether nobody holds off the removal of objects, as `ok`. While the transaction lasts, nobody begins to:
 * who removes a row that names an object asks first, in the same transaction.
 */
export const mayRemoveObjects = Prisma.sql`SELECT pg_try_advisory_xact_lock_shared(${objectHoldKey}) AS ok`
