import { once } from 'node:events'
import { createServer } from 'node:http'
import { loadClientConfig, loadConfig } from '@baton/config'
import { AppError, isAppError } from '@baton/contracts'
import { openDatabase } from '@baton/db'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'
import { ownClient } from './own-client.ts'
import { startBot } from './start-bot.ts'
import { telegramOptions } from './telegram-options.ts'

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const { client } = loadClientConfig(process.env)
  const databaseUrl = config.database.url?.reveal()
  if (databaseUrl === undefined) {
    const detail = 'is missing; give the address of the database that the other services use'
    throw new AppError('config-invalid', {}, { faults: [{ pointer: 'DATABASE_URL', detail }] })
  }
  const telegram = telegramOptions(config)
  const log = createLog({ app: 'bot', level: config.log.level })
  const redisUrl = config.queue.url?.reveal()
  const store = openDatabase({ url: databaseUrl })
  const queue = await openQueue({
    backend: redisUrl === undefined ? { kind: 'postgres', url: databaseUrl } : { kind: 'redis', url: redisUrl },
    log,
  })
  const bot = await startBot({
    store,
    queue,
    client: ownClient({ url: client.url, store }),
    telegram,
    print: (text) => void process.stdout.write(`${text}\n`),
    log,
  })
  const server = bot.webhook && createServer(bot.webhook).listen(config.http.port, config.http.host)
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  server?.close()
  await bot.close()
  await queue.close()
  await store.close()
}

main().catch((error: unknown) => {
  if (!isAppError(error)) throw error
  const faults = error.faults.map(({ pointer, detail }) => `  ${pointer} ${detail}`)
  process.stderr.write(`${[error.message, ...faults].join('\n')}\n`)
  // Connections that were opened before the failure would keep the process alive.
  process.exit(1)
})
