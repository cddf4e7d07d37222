import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { withoutToken } from './without-token.ts'

const token = '123456:AAsecret-of-the_bot'

test('no part of an error keeps the token, as it stands in an address or encoded', () => {
  const error = new Error(`request to https://api.telegram.org/bot${token}/getMe failed`, {
    cause: new Error(`GET /bot${encodeURIComponent(token)}/getMe`),
  })
  error.name = 'FetchError'
  const safe = withoutToken(error, token)
  expect(safe).toMatchObject({
    name: 'FetchError',
    message: 'request to https://api.telegram.org/bot[secret]/getMe failed',
  })
  expect(inspect(safe, { depth: 10 })).not.toMatch(/AAsecret/)
})

test('what is no error becomes one', () => {
  expect(withoutToken(`refused ${token}`, token).message).toBe('refused [secret]')
})
