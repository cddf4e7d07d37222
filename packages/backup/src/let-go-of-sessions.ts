import type { Client } from 'pg'

/**
 * The sessions of the machine that was backed up cannot be here: they are lost, and what they hold runs out at once, so
 * that the coordinator ends those attempts as it ends every silent one, and the folds go on from their last checkpoints.
 * No queue knows of the folds that were ready, so each is offered anew.
 *
 * @returns How many folds were being trained.
 */
export async function letGoOfSessions(client: Client): Promise<number> {
  await client.query('DELETE FROM presence')
  await client.query("UPDATE session SET status = 'lost' WHERE status IN ('active', 'draining')")
  await client.query("UPDATE fold SET offered_at = NULL WHERE status = 'ready'")
  const { rowCount } = await client.query("UPDATE fold SET lease_expires_at = now() WHERE status = 'leased'")
  return rowCount ?? 0
}
