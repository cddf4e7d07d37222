import { z } from 'zod'
import { Moment } from './resources.ts'
import { Provider } from './states.ts'

const seconds = (most: number) => z.number().positive().max(most)
const day = 86_400

/**
 * What a provider gives, as far as somebody knows: a person corrects it where it has changed or is another for them.
 * Baton keeps to it and never works around it.
 */
export const ProviderProfile = z.strictObject({
  provider: Provider,
  /** How long a session lives that does not say so itself; null: no end. */
  sessionSeconds: seconds(30 * day).nullable(),
  /** After so long without a sign of use the provider ends a session; null: it does not. */
  idleSeconds: seconds(30 * day).nullable(),
  /** GPU time that an account gets a week; null: no limit, or none that is published. */
  weeklyGpuSeconds: seconds(7 * day * 1000).nullable(),
  /** Sessions that an account may run at once; null: no limit. */
  concurrentSessions: z.int().positive().max(100_000).nullable(),
  /** As the provider names them. */
  accelerators: z.array(z.string().trim().min(1).max(120)).max(64),
  /** Where these facts are from, and of when. */
  note: z.string().max(4000),
  /** Where the provider's terms stand: read them. */
  terms: z.string().max(500),
  updatedAt: Moment,
})
export type ProviderProfile = z.infer<typeof ProviderProfile>

/** What of a profile a person decides. */
export const ProviderLimits = ProviderProfile.omit({ provider: true, updatedAt: true })
export type ProviderLimits = z.infer<typeof ProviderLimits>
