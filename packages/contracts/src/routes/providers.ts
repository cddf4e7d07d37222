import { z } from 'zod'
import { ProviderLimits, ProviderProfile } from '../provider-profile.ts'
import { Provider } from '../states.ts'
import { list, owners, readers } from './parts.ts'
import type { RouteSpec } from './route.ts'

const provider = z.object({ provider: Provider })

/** What providers give, as editable facts. */
export const providersRoutes = {
  listProviderProfiles: {
    method: 'GET',
    path: '/v1/providers',
    summary: 'List what each provider gives',
    roles: readers,
    scope: 'visible',
    status: 200,
    response: list(ProviderProfile),
    problems: [],
  },
  getProviderProfile: {
    method: 'GET',
    path: '/v1/providers/:provider',
    summary: 'Get what a provider gives',
    roles: readers,
    scope: 'visible',
    params: provider,
    status: 200,
    response: ProviderProfile,
    problems: [],
  },
  updateProviderProfile: {
    method: 'PUT',
    path: '/v1/providers/:provider',
    summary: 'Say what a provider gives; sessions that register from then on keep to it',
    roles: owners,
    scope: 'service',
    params: provider,
    body: ProviderLimits,
    status: 200,
    response: ProviderProfile,
    needsIfMatch: true,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
