import { findCheckpoint, getFold, grantCheckpointDownloads } from '@baton/core'
import type { Handlers } from '../context.ts'

export const checkpointHandlers: Handlers<'listCheckpoints' | 'getCheckpoint' | 'downloadCheckpoint'> = {
  listCheckpoints: async (deps, { params, query }) => {
    const fold = await getFold(deps, params.fold)
    return deps.store.folds.checkpoints(fold.id, query)
  },
  getCheckpoint: (deps, { params }) => findCheckpoint(deps, { foldId: params.fold, digest: params.digest }),
  downloadCheckpoint: async (deps, { params }) => ({
    items: await grantCheckpointDownloads(deps, { foldId: params.fold, digest: params.digest }),
  }),
}
