import { AppError } from '@baton/contracts'
import type { Config } from '@baton/config'
import type { TelegramOptions } from './start-bot.ts'

/** Path of the webhook, below the address that Baton is reached under. */
const webhookPath = '/telegram'

/**
 * What the environment says about Telegram: by webhook where a secret for one is set, else by polling; null without
 * a token.
 *
 * @throws {AppError} `config-invalid` where Telegram could not call the webhook: it calls https only
 */
export function telegramOptions({ telegram, http }: Pick<Config, 'telegram' | 'http'>): TelegramOptions | null {
  if (telegram === null) return null
  const { apiRoot, webhookSecret } = telegram
  const token = telegram.token.reveal()
  if (webhookSecret === null) return { token, apiRoot }
  if (!http.publicUrl.startsWith('https://')) {
    const detail = 'must be an https address that Telegram reaches; or unset BATON_TELEGRAM_WEBHOOK_SECRET to poll'
    throw new AppError('config-invalid', {}, { faults: [{ pointer: 'BATON_PUBLIC_URL', detail }] })
  }
  const url = `${http.publicUrl}${webhookPath}`
  return { token, apiRoot, webhook: { url, path: webhookPath, secretToken: webhookSecret.reveal() } }
}
