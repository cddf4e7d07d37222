import { getExperiment, getFold } from '@baton/core'
import type { Handlers } from '../context.ts'

export const logHandlers: Handlers<'listLogs' | 'listExperimentLogs' | 'streamLogs'> = {
  listLogs: async (deps, { params, query }) => {
    const fold = await getFold(deps, params.fold)
    return deps.store.logs.list([fold.id], query)
  },
  listExperimentLogs: async (deps, { params, query }) => {
    const { folds } = await getExperiment(deps, params)
    return deps.store.logs.list(
      folds.map((fold) => fold.id),
      query,
    )
  },
  streamLogs: async (deps, { params, query }, { signal }) => {
    const { id } = await getFold(deps, params.fold)
    const replay = async (place: number, limit: number) =>
      (await deps.store.logs.news(new Map([[id, place]]), limit)).get(id) ?? []
    return deps.feeds.logs.follow(id, { after: query.after ?? null, replay, signal })
  },
}
