import type { Provider, ProviderLimits, ProviderProfile } from '@baton/contracts'
import type { IfMatch } from '../if-match.ts'
import type { Store } from '../store.ts'

/**
 * Says what a provider gives. Sessions that are registered already keep the time they were given.
 * @throws {AppError} `precondition-failed`
 */
export async function updateProviderProfile(
  { store }: { store: Store },
  { provider, limits, ifMatch }: { provider: Provider; limits: ProviderLimits; ifMatch: IfMatch },
): Promise<ProviderProfile> {
  return store.transaction(async ({ providers }) => {
    ifMatch(await providers.get(provider, { lock: true }))
    return providers.put(provider, limits)
  })
}
