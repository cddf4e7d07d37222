import { expect, test } from 'vitest'
import { createLog } from './create-log.ts'

function capture() {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  return { lines, destination }
}

test('a line carries the app, the bound fields and the level as a word', () => {
  const { lines, destination } = capture()
  createLog({ app: 'worker', destination }).child({ foldId: 'f1', attempt: 2 }).info({ step: 7 }, 'checkpoint recorded')
  expect(lines).toMatchObject([
    { level: 'info', app: 'worker', foldId: 'f1', attempt: 2, step: 7, msg: 'checkpoint recorded' },
  ])
})

test('no secret is written, wherever it stands in the line', () => {
  const { lines, destination } = capture()
  const log = createLog({ app: 'worker', destination }).child({ session: { token: 'from-bindings' } })
  const error = new Error('PUT http://s3/k?X-Amz-Signature=from-error failed')
  log.warn(
    { error, headers: { authorization: 'Bearer from-a-header' } },
    'sent password=no but Bearer from-the-message',
  )
  expect(lines[0]?.error).toMatchObject({ message: 'PUT http://s3/k?X-Amz-Signature=[secret] failed' })
  expect(JSON.stringify(lines)).not.toMatch(/from-(bindings|error|a-header|the-message)/)
})

test('a level below the chosen one is not written', () => {
  const { lines, destination } = capture()
  createLog({ app: 'worker', level: 'warn', destination }).info('hidden')
  expect(lines).toEqual([])
})

test('an error is written with its code and causes, and without what a library hung on it', () => {
  const { lines, destination } = capture()
  const cause = Object.assign(new Error('socket closed'), { code: 'ECONNRESET', client: { host: 'db.internal' } })
  createLog({ app: 'api', destination }).warn({ error: new Error('not stored', { cause }) }, 'failed')
  expect(lines[0]?.error).toMatchObject({
    message: 'not stored',
    cause: { message: 'socket closed', code: 'ECONNRESET' },
  })
  expect(JSON.stringify(lines)).not.toContain('db.internal')
})
