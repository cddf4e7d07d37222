import { createClient } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { insertToken } from '@baton/core'
import type { Store } from '@baton/core'

/** Short, as nobody keeps it: a new one is issued when half of it is over. */
const validSeconds = 3600

/**
 * A client of the API for a service that has the database: it issues tokens to itself, so none has to be
 * configured. They read, stop and resume experiments, and retry folds; what the bot does stands in the audit log as `bot`'s.
 *
 * @param options.now Milliseconds that only grow.
 */
export function ownClient({
  url,
  store,
  now = () => performance.now(),
}: {
  url: string
  store: Store
  now?: () => number
}): Client {
  let token: { readonly value: string; readonly renewAt: number } | null = null
  const tokenNow = async () => {
    if (token === null || now() >= token.renewAt) {
      const renewAt = now() + (validSeconds / 2) * 1000
      token = {
        value: (await insertToken(store, { name: 'bot', role: 'submitter', project: null, validSeconds })).token,
        renewAt,
      }
    }
    return token.value
  }
  return createClient({
    url,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${await tokenNow()}`)
      return fetch(input, { ...init, headers })
    },
  })
}
