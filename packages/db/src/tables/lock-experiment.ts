import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'

/**
 * Holds an experiment until the transaction ends. Who has folds of it locked already and goes on to its events or its
 * tally holds it first, so that no two wait for each other.
 */
export async function lockExperiment(run: RunPrepared, id: string): Promise<void> {
  await run('lock-experiment', Prisma.sql`SELECT 1 FROM experiment WHERE id = ${id}::uuid FOR NO KEY UPDATE`)
}
