export { ownClient } from './own-client.ts'
export { startBot } from './start-bot.ts'
export type { BotOptions, RunningBot, TelegramOptions } from './start-bot.ts'
export { telegramOptions } from './telegram-options.ts'
