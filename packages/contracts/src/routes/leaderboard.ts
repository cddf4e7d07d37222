import { z } from 'zod'
import { LeaderboardRow } from '../resources.ts'
import { list, project, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Completed experiments as people compare them. */
export const leaderboardRoutes = {
  getLeaderboard: {
    method: 'GET',
    path: '/v1/projects/:project/leaderboard',
    summary: 'Completed experiments, best CV first',
    roles: readers,
    scope: 'project',
    params: project,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    status: 200,
    response: list(LeaderboardRow),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
