import { loadConfig } from '@baton/config'
import { expect, test } from 'vitest'
import { telegramOptions } from './telegram-options.ts'

const token = '123456:abcdefghijklmnopqrstuvwxyz'
const secret = 'a-secret-of-the-webhook'
const optionsOf = (env: Record<string, string>) => telegramOptions(loadConfig(env))

test('without a token there is no bot', () => {
  expect(optionsOf({})).toBeNull()
})

test('a token alone polls', () => {
  expect(optionsOf({ BATON_TELEGRAM_TOKEN: token })).toEqual({ token, apiRoot: 'https://api.telegram.org' })
})

test('a secret makes a webhook below the public address', () => {
  const env = { BATON_TELEGRAM_TOKEN: token, BATON_TELEGRAM_WEBHOOK_SECRET: secret }
  expect(optionsOf({ ...env, BATON_PUBLIC_URL: 'https://baton.example.org' })?.webhook).toEqual({
    url: 'https://baton.example.org/telegram',
    path: '/telegram',
    secretToken: secret,
  })
})

test('a webhook that Telegram cannot call is refused with the variable to change', () => {
  expect(() => optionsOf({ BATON_TELEGRAM_TOKEN: token, BATON_TELEGRAM_WEBHOOK_SECRET: secret })).toThrow(
    expect.objectContaining({
      code: 'config-invalid',
      faults: [expect.objectContaining({ pointer: 'BATON_PUBLIC_URL' })],
    }),
  )
})
