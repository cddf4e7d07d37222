import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'

export function presenceTable(db: Connection): Tables['presence'] {
  return {
    touch: async (service, gapSeconds) => {
      await db.$executeRaw`
        INSERT INTO presence (service) VALUES (${service})
        ON CONFLICT (service) DO UPDATE SET last_seen_at = now(), up_since = CASE
          WHEN presence.last_seen_at < now() - make_interval(secs => ${gapSeconds}) THEN now() ELSE presence.up_since END`
    },
    steady: async (services, seconds, gapSeconds) => {
      const rows = await db.$queryRaw<unknown[]>`
        SELECT 1 FROM presence WHERE service = ANY(${[...services]}::text[])
          AND up_since <= now() - make_interval(secs => ${seconds})
          AND last_seen_at >= now() - make_interval(secs => ${gapSeconds})`
      return rows.length === services.length
    },
  }
}
