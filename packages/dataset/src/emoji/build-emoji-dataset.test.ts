import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkManifest, DatasetManifest, labelsOf } from '@baton/contracts'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildEmojiDataset } from './build-emoji-dataset.ts'
import type { EmojiDataset } from './build-emoji-dataset.ts'
import { loadEmoji } from './catalog.ts'

let folder: string
let dataset: EmojiDataset
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-emoji-test-'))
  dataset = await buildEmojiDataset({ out: join(folder, 'one'), size: 32, limit: 240, seed: 7, noise: 0.1 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('every emoji but the components is drawn, most of them in several styles', () => {
  const { emoji, licences } = loadEmoji()
  const drawn = (style: string) => emoji.filter((one) => one.drawings.some((drawing) => drawing.style === style)).length
  expect(emoji).toHaveLength(1914)
  expect(['noto', 'twemoji', 'emojione'].map(drawn)).toEqual([1652, 1914, 1058])
  expect(emoji.flatMap((one) => one.categories)).not.toContain('skin-tone')
  expect(emoji.find((one) => one.code === '1f913')).toMatchObject({
    categories: ['smileys-emotion', 'face-glasses'],
    tags: expect.arrayContaining(['nerd', 'glasses']) as unknown,
  })
  expect(licences.join('\n')).toMatch(
    /Noto Emoji.*Apache 2\.0[^]*Twitter.*CC BY 4\.0[^]*Emoji One.*CC BY 4\.0[^]*emojibase.*MIT/,
  )
})

test('it is a sound dataset: two label groups, styles grouped, test labels kept back', () => {
  const { manifest, truth } = dataset
  expect(checkManifest(DatasetManifest.parse(manifest))).toEqual([])
  expect(manifest.labelGroups.map((group) => group.name)).toEqual(['category', 'tag'])
  expect(manifest.samples.length).toBeGreaterThan(230)
  expect(manifest.samples.length).toBeLessThanOrEqual(240)
  const test = manifest.samples.filter((sample) => sample.split === 'test')
  expect(truth.map(({ id }) => id)).toEqual(test.map(({ id }) => id))
  expect(truth.some(({ labels }) => labels.length > 2)).toBe(true)
  for (const { labels } of truth) for (const label of labels) expect(labelsOf(manifest)[label]).toBeDefined()
  for (const { id, group } of manifest.samples) expect(id.endsWith(`-${group}`)).toBe(true)
})

test('a sample is a picture of the asked size that shows something on transparent ground', async () => {
  const { offset, length } = dataset.manifest.samples[0]!
  const bytes = (await readFile(dataset.shards[0]!)).subarray(offset, offset + length)
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
  expect(info).toMatchObject({ width: 32, height: 32, channels: 4 })
  expect(new Set(data).size).toBeGreaterThan(8)
})

test('the same seed builds the same bytes, and nothing else is left on the disk', async () => {
  const again = await buildEmojiDataset({ out: join(folder, 'two'), size: 32, limit: 240, seed: 7, noise: 0.1 })
  expect(again.manifestDigest).toBe(dataset.manifestDigest)
  expect(again.truth).toEqual(dataset.truth)
  expect((await readdir(folder)).sort()).toEqual(['one', 'two'])
})
