import type { UsedBy } from '@baton/contracts'
import type { Connection } from '../connection.ts'

/** Experiments that are named: enough to see what depends on a thing. */
const named = 20

/** Which experiments use a dataset version or a code bundle. */
export async function usedBy(
  db: Connection,
  what: { datasetVersionId: string } | { codeBundleId: string },
): Promise<UsedBy> {
  const [experiments, newest] = await Promise.all([
    db.experiment.count({ where: what }),
    db.experiment.findMany({ where: what, select: { version: true }, orderBy: { version: 'desc' }, take: named }),
  ])
  return { experiments, newest: newest.map(({ version }) => version) }
}
