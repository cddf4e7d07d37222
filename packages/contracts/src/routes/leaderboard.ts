import { z } from 'zod'
import { Comparison } from '../board/comparison.ts'
import { LeaderboardRow, usualColumns } from '../board/columns.ts'
import { boardQuery, experiment, pageOf, project, readers } from './parts.ts'
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
  compareExperiments: {
    method: 'GET',
    path: '/v1/projects/:project/compare',
    summary: 'Two experiments side by side: specs, scores fold by fold and how sure their difference is, cost',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object({ left: experiment.shape.version, right: experiment.shape.version }),
    status: 200,
    response: Comparison,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
