import { AppError } from '@baton/contracts'
import type { Handlers } from '../context.ts'

export const poolHandlers: Handlers<'listPools' | 'getPool'> = {
  listPools: ({ store }, { query }, { caller }) => store.pools.list(caller.project?.slug ?? null, query),
  getPool: async ({ store }, { params }, { caller }) => {
    const pool = await store.pools.find(caller.project?.slug ?? null, params.pool)
    if (pool !== null) return pool
    const detail = `no open fold waits in a pool "${params.pool}", and no session serves it`
    throw new AppError('not-found', params, { detail })
  },
}
