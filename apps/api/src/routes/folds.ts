import { AppError } from '@baton/contracts'
import {
  completeFold,
  failFold,
  getFold,
  grantFoldDownloads,
  grantFoldUploads,
  handOverFold,
  heartbeat,
  prioritiseFold,
  recordCheckpoint,
  retryFold,
} from '@baton/core'
import type { LeaseProof } from '@baton/core'
import type { Call, Handlers } from '../context.ts'

export const foldHandlers: Handlers<
  | 'getFold'
  | 'retryFold'
  | 'prioritiseFold'
  | 'getAttempt'
  | 'listAttempts'
  | 'heartbeat'
  | 'createFoldUploads'
  | 'createFoldDownloads'
  | 'recordCheckpoint'
  | 'handOverFold'
  | 'completeFold'
  | 'failFold'
> = {
  getFold: (deps, { params }) => getFold(deps, params.fold),
  retryFold: async (deps, { params, body }) => {
    const fold = await retryFold(deps, { foldId: params.fold, ...body })
    await deps.dispatch()
    return fold
  },
  prioritiseFold: async (deps, { params, body }) => {
    const fold = await prioritiseFold({ ...deps, offers: deps.queue.offers }, { foldId: params.fold, ...body })
    await deps.dispatch()
    return fold
  },
  getAttempt: async ({ store }, { params }) => {
    const attempt = await store.folds.attempt(params.fold, params.attempt)
    if (attempt === null) throw new AppError('not-found', params)
    return attempt
  },
  listAttempts: async (deps, { params, query }) => {
    const fold = await getFold(deps, params.fold)
    return deps.store.folds.attempts(fold.id, query)
  },
  heartbeat: (deps, { params, body }, call) => heartbeat(deps, { ...body, ...proof(params.fold, body.fence, call) }),
  createFoldUploads: async (deps, { params, body }, call) => ({
    items: await grantFoldUploads(deps, { ...proof(params.fold, body.fence, call), blobs: body.blobs }),
  }),
  createFoldDownloads: async (deps, { params, body }, call) => ({
    items: await grantFoldDownloads(deps, { ...proof(params.fold, body.fence, call), digests: body.digests }),
  }),
  recordCheckpoint: (deps, { params, body }, call) =>
    recordCheckpoint(deps, { ...proof(params.fold, body.fence, call), manifest: body.manifest }),
  handOverFold: async (deps, { params, body }, call) => {
    await handOverFold(deps, { ...proof(params.fold, body.fence, call), step: body.step })
    await deps.dispatch()
  },
  completeFold: async (deps, { params, body }, call) => {
    await completeFold(deps, { ...proof(params.fold, body.fence, call), step: body.step, result: body.result })
    await deps.dispatch()
  },
  failFold: async (deps, { params, body }, call) => {
    const outcome = await failFold(deps, { ...proof(params.fold, body.fence, call), failure: body.failure })
    await deps.dispatch()
    return outcome
  },
}

function proof(foldId: string, fence: number, { caller }: Call): LeaseProof {
  return { foldId, fence, sessionId: caller.sessionId! }
}
