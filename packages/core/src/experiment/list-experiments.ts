import { parseColumns, parseFilter, parseSort, usualColumns } from '@baton/contracts'
import type { ColumnName, ExperimentRow, LeaderboardRow } from '@baton/contracts'
import type { Page, PageRequest } from '../page.ts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'

interface ListRequest extends PageRequest {
  readonly project: string
  readonly where?: string | undefined
  readonly sort?: string | undefined
  readonly fields?: string | undefined
}

/**
 * A project's experiments, newest first where no order is asked for.
 *
 * @throws {AppError} `not-found`; `request-invalid` for a filter, order, column or cursor that is not one
 */
export async function listExperiments(deps: { store: Store }, request: ListRequest): Promise<Page<ExperimentRow>> {
  const page = await read(deps, request, { columns: usualColumns.experiments, sort: '-version', completedOnly: false })
  return { ...page, items: page.items.map(({ rank: _, ...row }) => row) }
}

/**
 * A project's completed experiments, best CV first where no order is asked for; of equal ones the older is first.
 *
 * `rank` is the place in the order and filter asked for, counted from 1: the third in the order of LB has rank 3 in it,
 * whatever its CV. A later page counts on from where the one before ended, so a row that came in between shifts none.
 *
 * @throws {AppError} `not-found`; `request-invalid` for a filter, order, column or cursor that is not one
 */
export function listLeaderboard(deps: { store: Store }, request: ListRequest): Promise<Page<LeaderboardRow>> {
  return read(deps, request, { columns: usualColumns.leaderboard, sort: '-cv', completedOnly: true })
}

async function read(
  { store }: { store: Store },
  { project, where, sort, fields, cursor, limit }: ListRequest,
  usual: { columns: readonly ColumnName[]; sort: string; completedOnly: boolean },
): Promise<Page<LeaderboardRow>> {
  const query = {
    completedOnly: usual.completedOnly,
    filter: where === undefined ? null : parseFilter(where),
    sort: parseSort(sort ?? usual.sort),
    columns: fields === undefined ? usual.columns : parseColumns(fields),
    cursor,
    limit,
  }
  const { id: projectId } = await findProject({ store }, project)
  return store.experiments.page({ ...query, projectId })
}
