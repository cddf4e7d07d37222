import { z } from 'zod'
import { LeaderboardRow, usualColumns } from '../board/columns.ts'
import { boardQuery, pageOf, project, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Completed experiments as people compare them. */
export const leaderboardRoutes = {
  getLeaderboard: {
    method: 'GET',
    path: '/v1/projects/:project/leaderboard',
    summary: 'Completed experiments, best CV first, or filtered and sorted by anything recorded',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object({ ...boardQuery, limit: boardQuery.limit.unwrap().default(100) }),
    status: 200,
    response: pageOf(LeaderboardRow),
    csv: { before: ['rank'], usual: usualColumns.leaderboard },
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
