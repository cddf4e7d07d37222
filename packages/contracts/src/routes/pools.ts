import { z } from 'zod'
import { Slug } from '../ids.ts'
import { Pool } from '../pool.ts'
import { pageOf, pageQuery, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Pools: queues of folds that sessions serve. */
export const poolsRoutes = {
  listPools: {
    method: 'GET',
    path: '/v1/pools',
    summary: 'List pools that open folds or sessions name, by name',
    roles: readers,
    scope: 'visible',
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Pool),
    problems: [],
  },
  getPool: {
    method: 'GET',
    path: '/v1/pools/:pool',
    summary: 'Get a pool: folds that wait in it and are leased, sessions that serve it',
    roles: readers,
    scope: 'visible',
    params: z.object({ pool: Slug }),
    status: 200,
    response: Pool,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
