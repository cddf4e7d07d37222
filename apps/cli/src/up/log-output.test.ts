import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createLog } from '@baton/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { anIo } from '../fixtures/an-io.ts'
import { openLogOutput } from './log-output.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-log-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function fakeIo(isTerminal: boolean) {
  const lines: string[] = []
  const io = anIo({
    err: (line) => void lines.push(line),
    terminal: isTerminal ? { write: () => undefined, columns: 80, hasColours: false } : null,
  })
  return { io, lines }
}

test('in a container every line goes to standard error as it is', async () => {
  const { io, lines } = fakeIo(false)
  const output = await openLogOutput(io, folder)
  createLog({ app: 'baton', destination: output }).info({ step: 7 }, 'checkpoint recorded')
  expect(output.file).toBeNull()
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ step: 7, msg: 'checkpoint recorded' }])
})

test('on a terminal a person sees warnings and errors as words, and the whole log is in a file of their own', async () => {
  const { io, lines } = fakeIo(true)
  const output = await openLogOutput(io, path.join(folder, 'data'))
  const log = createLog({ app: 'baton', destination: output })
  log.info('api listens')
  log.warn({ error: new Error('no answer\u001b[2J') }, 'queue connection lost')
  log.error('the embedded database is gone')
  // What a child process prints when it dies is no JSON.
  output.write('Segmentation fault')
  expect(lines).toEqual([
    'warn  baton: queue connection lost: no answer\ufffd[2J',
    'error  baton: the embedded database is gone',
  ])
  const file = path.join(folder, 'data/baton.log')
  expect(output.file).toBe(file)
  await vi.waitFor(async () => expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(4))
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})
