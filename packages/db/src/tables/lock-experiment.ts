import type { Connection } from '../connection.ts'

/**
 * Holds an experiment until the transaction ends. Who has folds of it locked already and goes on to its events or its
 * tally holds it first, so that no two wait for each other.
 */
export async function lockExperiment(db: Connection, id: string): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM experiment WHERE id = ${id}::uuid FOR NO KEY UPDATE`
}
