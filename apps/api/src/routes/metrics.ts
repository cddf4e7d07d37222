import { getCurves, getExperiment, getFold } from '@baton/core'
import type { Handlers } from '../context.ts'

export const metricHandlers: Handlers<
  'listMetricNames' | 'listMetrics' | 'getFoldCurves' | 'getExperimentCurves' | 'streamMetrics'
> = {
  listMetricNames: async (deps, { params }) => {
    const fold = await getFold(deps, params.fold)
    return { items: await deps.store.metrics.names(fold.id) }
  },
  listMetrics: async (deps, { params, query }) => {
    const fold = await getFold(deps, params.fold)
    return deps.store.metrics.list(fold.id, query)
  },
  getFoldCurves: async (deps, { params, query }) =>
    getCurves(deps, { fold: await getFold(deps, params.fold), ...query }),
  getExperimentCurves: async (deps, { params, query: { name, points } }) => {
    const { folds } = await getExperiment(deps, params)
    return { items: await Promise.all(folds.map((fold) => getCurves(deps, { fold, names: [name], points }))) }
  },
  streamMetrics: async (deps, { params, query }, { signal }) => {
    const { id } = await getFold(deps, params.fold)
    const replay = async (place: number, limit: number) =>
      (await deps.store.metrics.news(new Map([[id, place]]), limit)).get(id) ?? []
    return deps.feeds.metrics.follow(id, { after: query.after ?? null, replay, signal })
  },
}
