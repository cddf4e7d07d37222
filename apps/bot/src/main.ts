import { once } from 'node:events'
import { createServer } from 'node:http'
import { loadClientConfig } from '@baton/config'
import { runService } from '@baton/service'
import { ownClient } from './own-client.ts'
import { startBot } from './start-bot.ts'
import { telegramOptions } from './telegram-options.ts'

await runService('bot', async ({ config, database: store, queue, log }) => {
  const { url } = loadClientConfig(process.env).client
  const bot = await startBot({
    store,
    queue,
    client: ownClient({ url, store }),
    telegram: telegramOptions(config),
    print: (text) => void process.stdout.write(`${text}\n`),
    log,
  })
  if (bot.webhook === undefined) return bot
  // As a process of its own the bot is called on its own port, where `baton up` mounts it beside the API.
  const server = createServer(bot.webhook).listen(config.http.port, config.http.host)
  await once(server, 'listening')
  return {
    close: async () => {
      server.close()
      await bot.close()
    },
  }
})
