/** A bot that sends a message and is killed before it marks it as sent: started by bot.test.ts. */
import { startBot } from '@baton/bot'
import { createClient } from '@baton/contracts'
import type { Store } from '@baton/core'
import { openDatabase } from '@baton/db'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'

const { databaseUrl, telegram } = JSON.parse(process.argv[2]!) as {
  databaseUrl: string
  telegram: { token: string; apiRoot: string }
}
const log = createLog({ app: 'bot', level: 'silent' })
const database = openDatabase({ url: databaseUrl })
const store: Store = {
  ...database,
  notifications: {
    ...database.notifications,
    markSent: () => {
      process.send!('sent')
      return new Promise<never>(() => undefined)
    },
  },
}
const queue = await openQueue({ backend: { kind: 'postgres', url: databaseUrl }, log })
await startBot({
  store,
  queue,
  client: createClient({ url: 'http://127.0.0.1:1' }),
  telegram,
  print: () => undefined,
  log,
})
process.on('disconnect', () => process.exit())
