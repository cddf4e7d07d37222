import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runOffline } from '../fixtures/an-io.ts'
import { exitCodes } from '../exit.ts'
import { defaultAnswers, specTemplate } from '../spec/spec-template.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'baton-augment-'))
  await writeFile(path.join(folder, 'spec.yaml'), specTemplate(defaultAnswers))
  await mkdir(path.join(folder, 'images'))
  for (const name of ['a', 'b', 'c', 'd'])
    await sharp({ create: { width: 40, height: 30, channels: 3, background: '#358' } })
      .png()
      .toFile(path.join(folder, 'images', `${name}.png`))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const preview = (...args: string[]) => runOffline('augment', 'preview', path.join(folder, 'spec.yaml'), ...args)

test('pictures from all over a folder are drawn beside what training makes of them', async () => {
  const out = path.join(folder, 'sheet.png')
  const images = path.join(folder, 'images')
  const { code, out: said } = await preview(
    '--images',
    images,
    '--samples',
    '2',
    '--epochs',
    '3',
    '--out',
    out,
    '--json',
  )
  expect(code).toBe(exitCodes.ok)
  expect(JSON.parse(said)).toEqual({ file: out, stage: 'head', epochs: 3, mix: false, pictures: ['a.png', 'c.png'] })
  const { width, height } = await sharp(await readFile(out)).metadata()
  expect([width, height]).toEqual([4 + 4 * 132, 4 + 2 * 132])
})

test.each([
  [['--emoji', '--images', 'x'], 'give --images, --dataset or --emoji'],
  [[], 'give --images, --dataset or --emoji'],
  [['--images', 'images', '--stage', 'tail'], 'the spec has no stage tail; its stages are head, all'],
  [['--images', 'images', '--mix'], 'stage head does not mix'],
  [['--images', 'nowhere'], 'cannot be read'],
])('%s is refused with the reason', async (args, reason) => {
  const { code, err } = await preview(...args.map((arg) => (arg === 'images' ? path.join(folder, arg) : arg)))
  expect(code).toBe(exitCodes.usage)
  expect(err).toContain(reason)
})
