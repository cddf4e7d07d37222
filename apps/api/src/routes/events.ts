import { allEvents, findProject, getExperiment } from '@baton/core'
import type { EventScope, Following } from '@baton/core'
import type { Event } from '@baton/contracts'
import type { Call, Deps, Handlers } from '../context.ts'

export const eventHandlers: Handlers<
  'listExperimentEvents' | 'streamEvents' | 'streamProjectEvents' | 'streamExperimentEvents'
> = {
  listExperimentEvents: async (deps, { params, query }) => {
    const experiment = await getExperiment(deps, params)
    return { items: await deps.store.events.listByExperiment(experiment.id, query) }
  },
  streamEvents: (deps, { query }, call) => {
    const { project } = call.caller
    return followEvents(deps, call, query.after, project && { project: project.slug })
  },
  streamProjectEvents: async (deps, { params, query }, call) => {
    const { slug } = await findProject(deps, params.project)
    return followEvents(deps, call, query.after, { project: slug })
  },
  streamExperimentEvents: async (deps, { params, query }, call) => {
    const { id } = await getExperiment(deps, params)
    return followEvents(deps, call, query.after, { experimentId: id })
  },
}

/** Events of a project or experiment, or of all. */
function followEvents(
  { store, feeds }: Deps,
  { signal }: Call,
  after: number | undefined,
  scope: EventScope | null,
): Promise<Following<Event>> {
  return feeds.events.follow(allEvents, {
    after: after ?? null,
    replay: (place, limit) => store.events.feed({ after: place, limit, scope }),
    accepts: ({ project, experimentId }) =>
      scope === null || ('project' in scope ? project === scope.project : experimentId === scope.experimentId),
    signal,
  })
}
