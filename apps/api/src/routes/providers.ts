import { updateProviderProfile } from '@baton/core'
import type { Handlers } from '../context.ts'

export const providerHandlers: Handlers<'listProviderProfiles' | 'getProviderProfile' | 'updateProviderProfile'> = {
  listProviderProfiles: async ({ store }) => ({ items: await store.providers.list() }),
  getProviderProfile: ({ store }, { params }) => store.providers.get(params.provider),
  updateProviderProfile: (deps, { params, body }, { ifMatch }) =>
    updateProviderProfile(deps, { ...params, limits: body, ifMatch }),
}
