import { Provider } from '@baton/contracts'
import type { ProviderProfile } from '@baton/contracts'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import type { ProviderProfileModel } from '../generated/models.ts'

/** The migration writes a row for each provider, and nothing removes one. */
export function providerTable(db: Connection): Tables['providers'] {
  const get = async (provider: Provider, options?: { lock: boolean }) => {
    if (options?.lock) await db.$queryRaw`SELECT 1 FROM provider_profile WHERE provider = ${provider} FOR UPDATE`
    return profileOf(await db.providerProfile.findUniqueOrThrow({ where: { provider } }))
  }
  return {
    list: async () => {
      const rows = (await db.providerProfile.findMany()).map(profileOf)
      return rows.sort((a, b) => Provider.options.indexOf(a.provider) - Provider.options.indexOf(b.provider))
    },
    get,
    put: async (provider, limits) => {
      const { sessionSeconds, idleSeconds, weeklyGpuSeconds, concurrentSessions, accelerators, note, terms } = limits
      await db.$executeRaw`
        UPDATE provider_profile SET session_seconds = ${sessionSeconds}, idle_seconds = ${idleSeconds},
          weekly_gpu_seconds = ${weeklyGpuSeconds}, concurrent_sessions = ${concurrentSessions},
          accelerators = ${accelerators}::text[], note = ${note}, terms = ${terms}, updated_at = now()
        WHERE provider = ${provider}`
      return get(provider)
    },
  }
}

function profileOf({ provider, updatedAt, ...limits }: ProviderProfileModel): ProviderProfile {
  return { provider: provider as Provider, ...limits, updatedAt: updatedAt.toISOString() }
}
