import {
  cancelExperiment,
  cloneExperiment,
  compareExperiments,
  createExperiment,
  createEnsemble,
  createMatrix,
  findProject,
  getExperiment,
  getMatrix,
  lbOf,
  listExperiments,
  listLeaderboard,
  pauseExperiment,
  recordLb,
  resumeExperiment,
  steerMatrix,
} from '@baton/core'
import type { Handlers } from '../context.ts'

export const experimentHandlers: Handlers<
  | 'createExperiment'
  | 'listExperiments'
  | 'getExperiment'
  | 'cancelExperiment'
  | 'pauseExperiment'
  | 'resumeExperiment'
  | 'getLb'
  | 'cloneExperiment'
  | 'rerunExperiment'
  | 'createEnsemble'
  | 'createMatrix'
  | 'listMatrices'
  | 'getMatrix'
  | 'cancelMatrix'
  | 'pauseMatrix'
  | 'resumeMatrix'
  | 'listFolds'
  | 'recordLb'
  | 'getLeaderboard'
  | 'compareExperiments'
> = {
  createExperiment: (deps, { params, body }, { requestId }) =>
    createExperiment(
      { store: deps.store, accepted: () => void deps.dispatch() },
      { project: params.project, spec: body, id: requestId },
    ),
  listExperiments: (deps, { params, query }) => listExperiments(deps, { ...params, ...query }),
  getExperiment: (deps, { params }) => getExperiment(deps, params),
  cancelExperiment: (deps, { params }) => cancelExperiment(deps, params),
  pauseExperiment: async (deps, { params }) => {
    const experiment = await pauseExperiment(deps, params)
    await deps.dispatch()
    return experiment
  },
  resumeExperiment: async (deps, { params }) => {
    const experiment = await resumeExperiment(deps, params)
    await deps.dispatch()
    return experiment
  },
  getLb: async (deps, { params }) => lbOf(await getExperiment(deps, params)),
  recordLb: (deps, { params, body }, { ifMatch }) => recordLb(deps, { ...params, ...body, ifMatch }),
  cloneExperiment: async (deps, { params, body }, { requestId }) => {
    const experiment = await cloneExperiment(deps, { ...params, overrides: body.overrides, id: requestId })
    await deps.dispatch()
    return experiment
  },
  rerunExperiment: async (deps, { params }, { requestId }) => {
    const experiment = await cloneExperiment(deps, { ...params, overrides: {}, id: requestId })
    await deps.dispatch()
    return experiment
  },
  createEnsemble: async (deps, { params, body }, { requestId }) => {
    const experiment = await createEnsemble(deps, { project: params.project, spec: body, id: requestId })
    await deps.dispatch()
    return experiment
  },
  createMatrix: (deps, { params, body }, { requestId }) =>
    createMatrix(
      { store: deps.store, accepted: () => void deps.dispatch() },
      { project: params.project, spec: body, id: requestId },
    ),
  listMatrices: async (deps, { params, query }) => {
    const project = await findProject(deps, params.project)
    return deps.store.matrices.list(project.id, query)
  },
  getMatrix: (deps, { params, query }) => getMatrix(deps, { ...params, ...query }),
  cancelMatrix: (deps, { params }) => steerMatrix(deps, { ...params, step: 'cancel' }),
  pauseMatrix: async (deps, { params }) => {
    const matrix = await steerMatrix(deps, { ...params, step: 'pause' })
    await deps.dispatch()
    return matrix
  },
  resumeMatrix: async (deps, { params }) => {
    const matrix = await steerMatrix(deps, { ...params, step: 'resume' })
    await deps.dispatch()
    return matrix
  },
  listFolds: async (deps, { params, query }) => {
    const experiment = await getExperiment(deps, params)
    return deps.store.folds.list(experiment.id, query)
  },
  compareExperiments: (deps, { params, query }) => compareExperiments(deps, { ...params, ...query }),
  getLeaderboard: (deps, { params, query }) => listLeaderboard(deps, { ...params, ...query }),
}
