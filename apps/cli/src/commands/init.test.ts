import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseSpec } from '@baton/contracts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { runCli } from '../cli.ts'
import { anIo } from '../fixtures/an-io.ts'
import { exitCodes } from '../exit.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-init-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Runs `baton init` with a person who gives these answers; null: nobody is there to ask. */
async function init(answers: string[] | null, ...args: string[]) {
  const [questions, errors]: [string[], string[]] = [[], []]
  const ask = async (question: string) => {
    questions.push(question)
    return answers!.shift()!
  }
  const io = anIo({ err: (line) => errors.push(line), ask: answers === null ? null : ask })
  const code = await runCli(['init', path.join(folder, 'spec.yaml'), ...args], io)
  return { code, questions, errors: errors.join('\n') }
}
const written = async () => parseSpec(parse(await readFile(path.join(folder, 'spec.yaml'), 'utf8')))

test('asks for what no option says, once more after an answer that is none, and writes a valid spec', async () => {
  const { code, questions, errors } = await init(
    ['', '1', 'ten', '10', 'convnet', '3', '', '0.01'],
    '--dataset',
    'imet',
    '--size',
    '96',
  )
  expect(code).toBe(exitCodes.ok)
  expect(questions.map((question) => question.split(' [')[0])).toEqual([
    'name of the experiment',
    ...['folds', 'folds', 'folds'],
    'model, convnet or resnet',
    'epochs',
    'pictures in a batch',
    'highest learning rate',
  ])
  expect(errors).toMatch(/whole number from 2 up to 50/)
  expect(await written()).toMatchObject({
    dataset: 'imet',
    folds: { count: 10 },
    image: { size: 96 },
    model: { name: 'convnet' },
    stages: [{ name: 'head' }, { name: 'all', epochs: 3, schedule: { lr: 0.01 } }],
  })
})

test('asks nothing with --yes, nor where nobody is there', async () => {
  expect(await init([], '--yes')).toMatchObject({ code: exitCodes.ok, questions: [] })
  expect(await init(null, '--force')).toMatchObject({ code: exitCodes.ok, questions: [] })
})

test('never writes over a file unasked, and refuses an option that is no answer', async () => {
  await init(null, '--name', 'first')
  const again = await init(null, '--name', 'second')
  expect(again).toMatchObject({ code: exitCodes.usage, errors: expect.stringContaining('--force') as string })
  expect((await written()).name).toBe('first')
  const wrong = await init(null, '--force', '--folds', '1')
  expect(wrong).toMatchObject({ code: exitCodes.usage, errors: expect.stringContaining('--folds 1') as string })
  expect((await written()).name).toBe('first')
})
